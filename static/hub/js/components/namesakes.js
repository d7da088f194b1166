/** Tells people apart who have the same name: the end of the id stands behind it. */

/** Characters of an id that are shown at least: the last ones, because ids are often made in order of time. */
const SHOWN = 4;

/** The people that are shown together. */
export class Namesakes {
  /** The ids of the people of each name. @type {Map<string, Set<string>>} */
  #ids = new Map();

  /** @param {Iterable<{id: string, name: string}>} people those without an id, such as programs, are left alone */
  constructor(people) {
    for (const { id, name } of people) {
      const ids = this.#ids.get(normal(name)) ?? new Set();
      if (id) this.#ids.set(normal(name), ids.add(id));
    }
  }

  /**
   * @param {{id: string, name: string}} person
   * @returns {boolean} whether somebody else has the same name
   */
  has({ id, name }) {
    return id !== "" && (this.#ids.get(normal(name))?.size ?? 0) > 1;
  }

  /**
   * @param {{id: string, name: string}} person
   * @returns {string} the name, with a mark where somebody else has the same one
   */
  shown(person) {
    if (!this.has(person)) return person.name;
    const { id, name } = person;
    const others = [...(this.#ids.get(normal(name)) ?? [])].filter((other) => other !== id);
    let shown = SHOWN;
    while (shown < id.length && others.some((other) => other.endsWith(id.slice(-shown)))) shown += 1;
    return `${name} #${id.slice(-shown)}`;
  }
}

/** @param {string} name */
function normal(name) {
  return name.normalize("NFKC").toLowerCase();
}
