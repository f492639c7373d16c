/** Counts visits by page, in memory. */
export class Counter {
  #visits = new Map();

  visit(page) {
    const visits = (this.#visits.get(page) ?? 0) + 1;
    this.#visits.set(page, visits);
    return visits;
  }

  total() {
    return [...this.#visits.values()].reduce((sum, visits) => sum + visits, 0);
  }
}
