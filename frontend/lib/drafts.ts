// What was typed, kept on this device until the server has it: fields at once in localStorage, which browsers write down seconds
// later, and soon after in IndexedDB, which a dead battery cannot take back; files in IndexedDB.
// A draft belongs to a reader; another reader of the same phone never sees it, and signing out removes it.

const WEEK = 7 * 24 * 3600 * 1000;
const PREFIX = "draft:";
const DATABASE = "lingxiu";
const STORE = "files";
/** Milliseconds without a key pressed until a draft is written down for good. */
const PAUSE = 250;
const waiting = new Map<string, number>();

export interface Draft {
  submission: string;
  fields: [name: string, value: string][];
  at: number;
}

/** The key of a reader's draft. */
export const draftKey = (reader: string, name: string): string => `${PREFIX}${reader}:${name}`;

/** The newer of what both storages hold: after a dead battery localStorage may be some seconds behind. */
export async function readDraft(key: string): Promise<Draft | null> {
  const [quick, lasting] = [readQuick(key), await inStore<Draft | undefined>("readonly", (store) => store.get(lastingOf(key)))];
  const draft = (quick?.at ?? 0) >= (lasting?.at ?? 0) ? quick : lasting;
  return draft && Date.now() - draft.at < WEEK ? draft : null;
}

function readQuick(key: string): Draft | null {
  try {
    return JSON.parse(localStorage.getItem(key) ?? "null") as Draft | null;
  } catch {
    return null; // no storage here, or not ours
  }
}

export function writeDraft(key: string, draft: Draft): void {
  try {
    localStorage.setItem(key, JSON.stringify(draft));
  } catch {
    // a full or forbidden storage: the page still works, it only forgets
  }
  window.clearTimeout(waiting.get(key));
  waiting.set(key, window.setTimeout(() => void inStore("readwrite", (store) => store.put(draft, lastingOf(key))), PAUSE));
}

/** Removes a draft with its files. */
export async function dropDraft(key: string): Promise<void> {
  window.clearTimeout(waiting.get(key));
  try {
    localStorage.removeItem(key);
  } catch {
    // no storage here
  }
  await inStore("readwrite", (store) => store.delete(filesOf(key)));
}

/** Removes every reader's drafts older than a week. */
export async function dropOldDrafts(): Promise<void> {
  const kept = (await inStore<IDBValidKey[]>("readonly", (store) => store.getAllKeys())) ?? [];
  const lasting = kept.map(String).filter((key) => key.endsWith("/")).map((key) => key.slice(0, -1));
  for (const key of new Set([...draftKeys(), ...lasting])) {
    if (!(await readDraft(key))) await dropDraft(key);
  }
}

/** Removes everything: someone signs out of a phone that may be shared. */
export function dropAllDrafts(): void {
  for (const key of draftKeys()) localStorage.removeItem(key);
  if ("indexedDB" in globalThis) indexedDB.deleteDatabase(DATABASE);
}

/** The file chosen for a field of a draft. */
export async function readFile(key: string, field: string): Promise<File | null> {
  return (await inStore<File | undefined>("readonly", (store) => store.get(`${key}/${field}`))) ?? null;
}

export async function writeFile(key: string, field: string, file: File | null): Promise<void> {
  const at = `${key}/${field}`;
  await inStore("readwrite", (store) => (file ? store.put(file, at) : store.delete(at)));
}

/** The draft's own place among its files: the file of no field. */
const lastingOf = (key: string) => `${key}/`;
const filesOf = (key: string) => IDBKeyRange.bound(`${key}/`, `${key}/\uffff`);

function draftKeys(): string[] {
  try {
    return Object.keys(localStorage).filter((key) => key.startsWith(PREFIX));
  } catch {
    return [];
  }
}

/** One request on the store; undefined where the browser has none (private windows of some WebViews). */
async function inStore<T>(mode: IDBTransactionMode, ask: (store: IDBObjectStore) => IDBRequest): Promise<T | undefined> {
  try {
    const database = await opened();
    return await new Promise<T>((resolve, reject) => {
      const transaction = database.transaction(STORE, mode, { durability: "strict" });
      const request = ask(transaction.objectStore(STORE));
      transaction.oncomplete = () => resolve(request.result as T);
      transaction.onerror = transaction.onabort = () => reject(transaction.error);
    }).finally(() => database.close());
  } catch {
    return undefined;
  }
}

function opened(): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(DATABASE, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE);
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}
