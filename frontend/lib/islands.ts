// Where islands stand: each is an element with data-island, started once, also when it arrives later.

const started = new WeakSet<Element>();

/** Starts every island of this name that is in the page now or comes with a morph or a fragment. */
export function island(name: string, start: (element: HTMLElement) => void): void {
  const startAll = () => {
    for (const element of document.querySelectorAll<HTMLElement>(`[data-island="${name}"]`)) {
      if (started.has(element)) continue;
      started.add(element);
      start(element);
    }
  };
  startAll();
  document.addEventListener("lingxiu:inserted", startAll);
  document.addEventListener("htmx:afterSettle", startAll);
}

/** The JSON data block of this id. Throws where the page has none: then the page, not its reader, is at fault. */
export function data<T>(id: string): T {
  const block = document.getElementById(id);
  if (!block) throw new Error(`the page has no data block #${id}`);
  return JSON.parse(block.textContent) as T;
}
