/** A recursive function written as a generator: it yields each recursive call and gets the call's value back. */
export interface Recursion<T> extends Generator<Recursion<T>, T, T> {}

/**
 * Runs a recursion on an explicit stack. Foreign archives may nest directories tens of thousands deep, which
 * would overflow the native stack.
 */
export function unwind<T>(start: Recursion<T>): T {
  const callers: Recursion<T>[] = [];
  let current = start;
  let step = current.next();
  for (;;) {
    if (step.done !== true) {
      callers.push(current);
      current = step.value;
      step = current.next();
      continue;
    }
    const caller = callers.pop();
    if (caller === undefined) return step.value;
    current = caller;
    step = current.next(step.value);
  }
}
