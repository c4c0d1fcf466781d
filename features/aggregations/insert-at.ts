/** As `splice(at, 0, value)`, which makes an array of what it has removed: most often `at` is the end. */
export function insertAt<T>(list: T[], at: number, value: T): void {
  list.push(value);
  for (let i = list.length - 1; i > at; i--) list[i] = list[i - 1] as T;
  list[at] = value;
}
