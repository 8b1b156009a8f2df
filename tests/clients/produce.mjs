// As produce.py, with kafkajs: `node produce.mjs kafkajs BROKER TOPIC PARTITIONER`.
import { createInterface } from 'node:readline';
import kafkajs from 'kafkajs';

const { CompressionTypes, Kafka, logLevel } = kafkajs;
const [, broker, topic] = process.argv.slice(2);
const codecs = { none: CompressionTypes.None, gzip: CompressionTypes.GZIP, snappy: CompressionTypes.Snappy, lz4: CompressionTypes.LZ4, zstd: CompressionTypes.ZSTD };
const kafka = new Kafka({ brokers: [broker], logLevel: logLevel.NOTHING, retry: { retries: 2 } });

async function send({ compression, transaction, records }, number) {
  const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1, ...(transaction && { transactionalId: `${topic}-kafkajs-${number}` }) });
  await producer.connect();
  try {
    const sender = transaction ? await producer.transaction() : producer;
    for (const { key, value, headers, timestamp } of records)
      await sender.send({ topic, acks: -1, compression: codecs[compression],
        messages: [{ key, value, headers: Object.fromEntries(headers), ...(timestamp !== null && { timestamp: String(timestamp) }) }] });
    if (transaction) await (transaction === 'commit' ? sender.commit() : sender.abort());
  } finally {
    await producer.disconnect();
  }
}

let number = 0;
for await (const line of createInterface({ input: process.stdin })) {
  const batch = JSON.parse(line);
  try {
    await send(batch, number++);
    console.log(JSON.stringify({ sent: batch.records.length }));
  } catch (error) {
    console.log(JSON.stringify({ error: String(error) }));
  }
}
