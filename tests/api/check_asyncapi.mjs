// Reads an AsyncAPI document and says what AsyncAPI's own schema finds wrong with it, a line each; exits 1 if there is anything.
import { readFileSync } from 'node:fs';
import specs from '@asyncapi/specs';
import Ajv from 'ajv';
import addFormats from 'ajv-formats';

const document = JSON.parse(readFileSync(0, 'utf8'));
// The schema brings its own copy of JSON Schema's.
const ajv = addFormats(new Ajv({ allErrors: true, strict: false, meta: false, validateSchema: false }));
const valid = ajv.validate(specs.schemas[document.asyncapi], document);
for (const { instancePath, message } of ajv.errors ?? []) console.log(`${instancePath}: ${message}`);
process.exit(valid ? 0 : 1);
