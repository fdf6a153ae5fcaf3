// A form that loses nothing: one UUID a submission, no second record by a second tap, a draft until the server has it,
// and an answer that never throws away what was typed. What the server must say to it: docs/frontend.md, "Forms".

import { type Draft, draftKey, dropDraft, dropOldDrafts, readDraft, readFile, writeDraft, writeFile } from "../lib/drafts";
import { island } from "../lib/islands";
import { sayWhatIsMissing } from "../lib/missing";
import { word } from "../lib/words";

const SHOW_WORK_AFTER = 300;
const SIGN_IN = "/sign-in/";
const NEVER_KEPT = new Set(["csrfmiddlewaretoken", "submission"]);

type Field = HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement;

class LastingForm {
  private readonly key: string | null;
  private sending = false;

  constructor(private readonly form: HTMLFormElement) {
    const name = form.dataset.draft;
    this.key = name ? draftKey(document.body.dataset.reader ?? "", name) : null;
  }

  async start(): Promise<void> {
    this.submission.value = uuid();
    sayWhatIsMissing(this.form);
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      void this.send(event.submitter);
    });
    this.form.addEventListener("input", () => this.keep());
    this.form.addEventListener("change", (event) => void this.keepFile(event.target));
    this.form.addEventListener("lingxiu:file", (event) => void this.keepFile(event.target));
    window.addEventListener("pageshow", (event) => {
      if (event.persisted && !this.sending) this.submission.value = uuid();
    });
    await this.restore();
  }

  private get submission(): HTMLInputElement {
    const field = this.form.querySelector<HTMLInputElement>("input[name=submission]");
    if (!field) throw new Error(`form #${this.form.id} has no submission field`);
    return field;
  }

  // keeping and restoring

  private keep(): void {
    if (!this.key) return;
    const fields = fieldsOf(this.form)
      .filter(isChosen)
      .map((field): [string, string] => [field.name, field.value]);
    writeDraft(this.key, { submission: this.submission.value, fields, at: Date.now() });
  }

  private async keepFile(target: EventTarget | null): Promise<void> {
    this.keep();
    if (!this.key || !(target instanceof HTMLInputElement) || target.type !== "file") return;
    await writeFile(this.key, target.name, target.files?.[0] ?? null);
  }

  private async restore(): Promise<void> {
    const draft = this.key ? await readDraft(this.key) : null;
    if (!this.key) return;
    if (!draft) {
      if (fieldsOf(this.form).some(isTouched)) this.keep(); // typed before this script was there
      return;
    }
    this.submission.value = draft.submission;
    const differs = fillFields(this.form, draft);
    let files = 0;
    for (const input of fileInputs(this.form)) {
      const file = input.files?.length ? null : await readFile(this.key, input.name);
      if (file) files += giveFile(input, file);
    }
    if (differs || files) this.say(word("restored"), this.afresh());
  }

  private afresh(): HTMLElement {
    const button = Object.assign(document.createElement("button"), { type: "button", className: "btn", textContent: word("discard") });
    button.addEventListener("click", async () => {
      if (this.key) await dropDraft(this.key);
      location.reload();
    });
    return button;
  }

  // sending

  private async send(submitter: HTMLElement | null): Promise<void> {
    if (this.sending) return;
    this.sending = true;
    const showWork = window.setTimeout(() => this.work(submitter, true), SHOW_WORK_AFTER);
    try {
      await filesReady(this.form);
      await this.take(await this.post(submitter));
    } catch {
      this.say(word("noConnection"));
    } finally {
      window.clearTimeout(showWork);
      this.work(submitter, false);
      this.sending = false;
    }
  }

  private post(submitter: HTMLElement | null): Promise<Response> {
    const body = new FormData(this.form);
    let action = this.form.getAttribute("action") || location.href;
    if (submitter instanceof HTMLButtonElement || submitter instanceof HTMLInputElement) {
      if (submitter.name) body.append(submitter.name, submitter.value);
      if (submitter.hasAttribute("formaction")) action = submitter.formAction;
    }
    return fetch(action, { method: "POST", body, headers: { "X-Lingxiu-Form": "1", Accept: "text/html" } });
  }

  private async take(answer: Response): Promise<void> {
    const location = answer.headers.get("X-Lingxiu-Location");
    if (location && answer.headers.get("X-Lingxiu-Accepted") === "1") return this.accepted(location);
    if (answer.redirected && answer.ok && !isSignIn(answer.url)) return this.accepted(answer.url); // followed already
    if (location || answer.redirected || answer.status === 401) return this.say(word("signedOut"), signInLink());
    if (answer.status === 413) return this.say(word("tooLarge"));
    if (answer.status === 429) return this.say(word("tooOften"));
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.getElementById(this.form.id);
    if (fresh instanceof HTMLFormElement) return this.replaceWith(fresh);
    const reason = answer.status < 500 ? page.querySelector("main h1")?.textContent?.trim() : "";
    this.say([reason, word("failed", answer.status)].filter(Boolean).join(" "));
  }

  private async accepted(url: string): Promise<void> {
    if (this.key) await dropDraft(this.key);
    const told = new CustomEvent("lingxiu:accepted", { bubbles: true, cancelable: true, detail: { url } });
    if (!this.form.dispatchEvent(told)) return; // whoever shows this form beside something else goes on from here
    const here = new URL(location.href);
    const next = new URL(url, here);
    location.assign(next);
    if (next.hash && next.pathname + next.search === here.pathname + here.search) location.reload();
    await new Promise(() => undefined); // the page is leaving: stay busy until it has gone
  }

  /** The server's form with its errors, holding the files it could not send back. */
  private replaceWith(page: HTMLFormElement): void {
    const fresh = document.importNode(page, true);
    for (const input of fileInputs(this.form)) {
      const file = input.files?.[0];
      const heir = fileInputs(fresh).find((other) => other.name === input.name);
      if (file && heir) {
        copyHidden(this.form, fresh, `${input.name}_`);
        giveFile(heir, file);
      }
    }
    this.form.replaceWith(fresh);
    fresh.dispatchEvent(new CustomEvent("lingxiu:inserted", { bubbles: true }));
    const wrong = fresh.querySelector<HTMLElement>(".wrong :is(input, select, textarea), [role=alert]");
    wrong?.focus();
    (wrong ?? fresh).scrollIntoView({ block: "center" });
  }

  // telling

  private work(submitter: HTMLElement | null, working: boolean): void {
    const button = submitter ?? this.form.querySelector<HTMLElement>("button:not([type=button])");
    if (working) {
      button?.setAttribute("aria-busy", "true");
      this.say(word("sending"));
    } else if (button?.hasAttribute("aria-busy")) {
      button.removeAttribute("aria-busy");
      if (this.note?.textContent === word("sending")) this.note.hidden = true;
    }
  }

  private get note(): HTMLElement | null {
    return this.form.querySelector<HTMLElement>(".form-note");
  }

  private say(text: string, more?: HTMLElement): void {
    const note = this.note;
    if (!note) return;
    note.replaceChildren(text, ...(more ? [more] : []));
    note.hidden = false;
    if (note.isConnected && text !== word("sending")) note.scrollIntoView({ block: "nearest" });
  }
}

// fields

function fieldsOf(form: HTMLFormElement): Field[] {
  return [...form.querySelectorAll<Field>("input, select, textarea")].filter(
    (field) => field.name && !NEVER_KEPT.has(field.name) && !["file", "password", "submit"].includes(field.type) && !isFixed(field),
  );
}

/** Hidden fields are the server's (a version, a move), except those a photo fills. */
const isFixed = (field: Field): boolean => field.type === "hidden" && !field.closest('[data-island="photo"]');

const isTicked = (field: Field): field is HTMLInputElement => field.type === "checkbox" || field.type === "radio";
const isChosen = (field: Field): boolean => !isTicked(field) || field.checked;
const fileInputs = (form: HTMLFormElement) => [...form.querySelectorAll<HTMLInputElement>("input[type=file]")];

/** Whether its value is no longer the one the page came with: somebody was faster than the scripts. What a photo says goes with its file. */
function isTouched(field: Field): boolean {
  if (isTicked(field)) return field.checked !== field.defaultChecked;
  if (field.type === "hidden") return Boolean(field.closest('[data-island="photo"]')?.querySelector<HTMLInputElement>("input[type=file]")?.files?.length);
  if (field instanceof HTMLSelectElement) return [...field.options].some((option) => option.selected !== option.defaultSelected) && field.selectedIndex > 0;
  return field.value !== field.defaultValue;
}

/** Puts a draft into the form, except over what was typed since; says whether that changed anything. */
function fillFields(form: HTMLFormElement, draft: Draft): boolean {
  let changed = false;
  for (const field of fieldsOf(form).filter((field) => !isTouched(field))) {
    const values = draft.fields.filter(([name]) => name === field.name).map(([, value]) => value);
    if (isTicked(field)) {
      const checked = values.includes(field.value);
      changed ||= checked !== field.checked;
      field.checked = checked;
    } else if (values.length && field.value !== values[0]) {
      field.value = values[0] ?? "";
      if (field.value) field.closest("details")?.setAttribute("open", ""); // what comes back is seen
      changed = true;
    }
  }
  return changed;
}

function copyHidden(from: HTMLFormElement, to: HTMLFormElement, prefix: string): void {
  for (const field of from.querySelectorAll<HTMLInputElement>(`input[type=hidden][name^="${prefix}"]`)) {
    const heir = to.querySelector<HTMLInputElement>(`input[type=hidden][name="${field.name}"]`);
    if (heir) heir.value = field.value;
  }
}

/** Puts a file into a file input, which only a drop can do; 1 where the browser lets it. */
function giveFile(input: HTMLInputElement, file: File): number {
  try {
    const transfer = new DataTransfer();
    transfer.items.add(file);
    input.files = transfer.files;
    input.dataset.restored = "";
    input.dispatchEvent(new CustomEvent("lingxiu:restored", { bubbles: true }));
    return 1;
  } catch {
    return 0;
  }
}

/** Waits until no photo of the form is being written into, and no voice note is being recorded. */
async function filesReady(form: HTMLFormElement): Promise<void> {
  while (form.querySelector(':is([data-island="photo"], [data-island="voice"])[aria-busy="true"]')) {
    await new Promise((done) => form.addEventListener("lingxiu:file", done, { once: true }));
  }
}

const isSignIn = (url: string): boolean => new URL(url).pathname === SIGN_IN;

function signInLink(): HTMLElement {
  const next = encodeURIComponent(location.pathname + location.search);
  return Object.assign(document.createElement("a"), { href: `${SIGN_IN}?next=${next}`, className: "btn btn-primary", textContent: word("signIn") });
}

/** A random UUID, also where the page is not a secure context and the browser's own is missing. */
function uuid(): string {
  if (typeof crypto.randomUUID === "function") return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

island("form", (element) => {
  if (element instanceof HTMLFormElement) void new LastingForm(element).start();
});
void dropOldDrafts();
