import { whenSpoken } from './texts.js';

/** A key, a header or a value as people read it: text as it is, other bytes in hex. */
export const shown = (value) => value?.hex ?? value ?? undefined;

/** JSON over several lines; whatever else a text is stays as it is. */
export function pretty(value) {
  try {
    return JSON.stringify(typeof value === 'string' ? JSON.parse(value) : value, null, 2);
  } catch {
    return value;
  }
}

/** A section of the operators' page: asks when it is told to, and says in words why it has no answer. */
export class Part {
  constructor(section) {
    this.section = section;
    this.error = section.querySelector('.error');
    this.said = section.querySelector('.done');
  }

  $(selector) {
    return this.section.querySelector(selector);
  }

  /** Paints now and whenever the language changes; for the end of a constructor. */
  begin() {
    whenSpoken(() => {
      if (this.said) this.said.textContent = this.failed = '';
      this.paint();
    });
  }

  /** Asks anew and paints. Throws a refusal, which is said here too. */
  async refresh() {
    try {
      await this.ask();
      this.error.textContent = this.failed ?? '';
    } catch (refusal) {
      this.error.textContent = refusal.message;
      throw refusal;
    } finally {
      this.paint();
    }
  }

  /** Does what a button is for, says `done` of it or why not, and asks how things stand then. */
  async act(what, done) {
    this.said.textContent = this.failed = '';
    try {
      await what();
      this.said.textContent = done();
    } catch (refusal) {
      this.failed = refusal.message;
    }
    await this.refresh().catch(() => {});
  }

  /** Nothing of what was shown is anybody's any more. */
  clear() {
    this.found = undefined;
    this.failed = '';
    this.error.textContent = '';
    this.paint();
  }
}
