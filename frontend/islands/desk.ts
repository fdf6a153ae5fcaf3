// A list with the chosen issue beside it, on a wide screen. A row's link opens it there (a click, Enter, `n` for the next one),
// the address names it, and a form sent there leaves the list where it is. Otherwise a row's link is a link.

import { island } from "../lib/islands";
import { isCommand } from "../lib/keys";

const WIDE = matchMedia("(min-width: 1200px)");
const NUMBER = /^\d{13}$/;
const CONTROL = "input:not([type=hidden]):not([type=file]), select, textarea, button";

class Desk {
  private number = "";
  private place = 0;
  private list = listOf(location.href);
  private scripts: Promise<unknown> | null = null;

  constructor(
    private readonly element: HTMLElement,
    private readonly pane: HTMLElement,
    private readonly body: HTMLElement,
    private readonly told: HTMLElement,
  ) {}

  start(): void {
    this.element.addEventListener("click", (event) => this.click(event));
    document.addEventListener("keydown", (event) => this.press(event));
    this.pane.addEventListener("lingxiu:accepted", (event) => this.accepted(event));
    window.addEventListener("popstate", (event) => this.back(event), true);
    document.body.addEventListener("htmx:pushedIntoHistory", () => (this.list = listOf(location.href)));
    document.body.addEventListener("htmx:afterSwap", () => this.mark());
    const asked = this.asked;
    if (asked && WIDE.matches) void this.show(asked, false);
  }

  // what is asked for

  private click(event: MouseEvent): void {
    const at = event.target;
    if (!(at instanceof Element)) return;
    if (at.closest("[data-pane-close]")) return this.close();
    if (at.closest("[data-pane-next]")) return this.next();
    const plain = event.button === 0 && !(event.ctrlKey || event.metaKey || event.shiftKey || event.altKey);
    const row = at.closest("td.main a")?.closest<HTMLElement>("tbody tr[id]");
    if (!row || !plain || !WIDE.matches) return;
    event.preventDefault();
    this.open(numberOf(row));
  }

  private press(event: KeyboardEvent): void {
    if (!WIDE.matches || event.shiftKey || !isCommand(event)) return;
    if (this.act(event.key)) event.preventDefault();
  }

  private act(key: string): boolean {
    if (key === "n") {
      this.next();
      return true;
    }
    if (!this.number) return false;
    if (key === "Escape") {
      this.close();
      return true;
    }
    return this.lead(key);
  }

  /** To the form of a move, or to its button: a letter never makes a move. */
  private lead(key: string): boolean {
    const move = [...this.body.querySelectorAll<HTMLElement>("[data-key]")].find((one) => one.dataset.key === key);
    if (!move) return false;
    if (move instanceof HTMLDetailsElement) move.open = true;
    move.querySelector("form")?.querySelector<HTMLElement>(CONTROL)?.focus();
    move.scrollIntoView({ block: "nearest" });
    return true;
  }

  private next(): void {
    const rows = this.rows;
    const here = rows.findIndex((row) => numberOf(row) === this.number);
    const row = rows[here >= 0 ? here + 1 : this.place];
    if (row) this.open(numberOf(row));
    else this.say(this.pane.dataset.last ?? "");
  }

  /** The browser's back and forward: within one list another issue, or none; else the list as the server has it. */
  private back(event: PopStateEvent): void {
    event.stopImmediatePropagation();
    if (listOf(location.href) !== this.list) return location.reload();
    const asked = this.asked;
    if (asked === this.number) return;
    if (asked && WIDE.matches) void this.show(asked, true);
    else this.hide();
  }

  /** What was sent is kept: the list and the issue as they are now, here, instead of the page the answer leads to. */
  private accepted(event: Event): void {
    event.preventDefault();
    document.body.dispatchEvent(new CustomEvent("lingxiu:changed", { bubbles: true }));
    void this.show(this.number, true); // with what the server says of it
  }

  // what is shown

  private open(number: string): void {
    if (number !== this.asked) history.pushState(null, "", withIssue(number));
    void this.show(number, true);
  }

  private close(): void {
    const row = this.rows.find((row) => numberOf(row) === this.number);
    if (this.asked) history.pushState(null, "", withIssue(""));
    this.hide();
    row?.querySelector<HTMLElement>(".main a")?.focus();
  }

  private async show(number: string, focus: boolean): Promise<void> {
    const opens = !this.number;
    this.number = number;
    this.pane.hidden = false;
    this.element.toggleAttribute("data-open", true);
    this.pane.setAttribute("aria-busy", "true");
    this.say("");
    this.mark();
    const found = await fragment(number);
    if (this.number !== number) return; // another was asked for meanwhile
    this.pane.removeAttribute("aria-busy");
    if (found === null) return location.assign(`/issues/${number}/`); // signed out, or worse: its page will say so
    this.body.replaceChildren(...found);
    this.pane.scrollTop = 0;
    if (opens && this.element.getBoundingClientRect().top > 0) this.element.scrollIntoView(); // past the filters
    if (!found.length) this.say(this.pane.dataset.gone ?? "");
    this.scripts ??= Promise.all((this.pane.dataset.scripts ?? "").split(" ").filter(Boolean).map((url) => import(url)));
    await this.scripts;
    this.pane.dispatchEvent(new CustomEvent("lingxiu:inserted", { bubbles: true }));
    if (focus) this.body.querySelector<HTMLElement>("[data-pane-name]")?.focus({ preventScroll: true });
  }

  private hide(): void {
    this.number = "";
    this.pane.hidden = true;
    this.body.replaceChildren();
    this.element.toggleAttribute("data-open", false);
    this.mark();
  }

  private say(text: string): void {
    this.told.textContent = text;
    this.told.hidden = !text;
  }

  /** Which row is beside; after a refresh rows are the server's. The filters take it along into the address they make. */
  private mark(): void {
    for (const [index, row] of this.rows.entries()) {
      const chosen = numberOf(row) === this.number;
      if (chosen) this.place = index;
      row.classList.toggle("chosen", chosen);
      const link = row.querySelector(".main a");
      if (chosen) link?.setAttribute("aria-current", "true");
      else link?.removeAttribute("aria-current");
    }
    const field = document.querySelector<HTMLInputElement>("form.filters input[name=issue]");
    if (!field) return;
    field.value = this.number;
    field.disabled = !this.number;
  }

  private get rows(): HTMLElement[] {
    return [...this.element.querySelectorAll<HTMLElement>("table.list tbody tr[id]")].filter((row) => !this.pane.contains(row));
  }

  private get asked(): string {
    const asked = new URLSearchParams(location.search).get("issue") ?? "";
    return NUMBER.test(asked) ? asked : "";
  }
}

/** The issue as the server draws it beside a list; nothing of one that is no longer in the reader's sight; null without an answer. */
async function fragment(number: string): Promise<Node[] | null> {
  try {
    const answer = await fetch(`/issues/${number}/pane/`, { headers: { "HX-Request": "true" } });
    if (answer.status === 404) return [];
    if (!answer.ok || answer.redirected) return null;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    return [...page.body.childNodes].map((node) => document.importNode(node, true));
  } catch {
    return null;
  }
}

const numberOf = (row: HTMLElement): string => row.id.replace("row-", "");

/** This address with another issue beside the list. */
function withIssue(number: string): URL {
  const url = new URL(location.href);
  if (number) url.searchParams.set("issue", number);
  else url.searchParams.delete("issue");
  return url;
}

/** The list an address shows, whatever stands beside it. */
function listOf(address: string): string {
  const url = new URL(address);
  url.searchParams.delete("issue");
  return url.pathname + url.search;
}

island("desk", (element) => {
  const pane = element.querySelector<HTMLElement>("[data-beside]");
  const body = pane?.querySelector<HTMLElement>("[data-beside-body]");
  const told = pane?.querySelector<HTMLElement>("[data-beside-told]");
  if (pane && body && told) new Desk(element, pane, body, told).start();
});
