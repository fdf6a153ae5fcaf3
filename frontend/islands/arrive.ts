// A link opened in 浙政钉: asks its client, by a script of theirs, for a code that says who holds the phone, and sends it to the
// server, which signs that person in. Where that fails it says so; the way to the ordinary sign-in stands there all the while.

import { island } from "../lib/islands";

const PATIENCE = 8000;

type Answer = { code?: string; auth_code?: string; authCode?: string } | undefined;
interface Client {
  getAuthCode?(asked: { corpId: string; onSuccess(answer: Answer): void; onFail(): void }): PromiseLike<Answer> | undefined;
}
type Failure = "noClient" | "late" | "refused";

const client = (): Client | undefined => (window as { dd?: Client }).dd;

class Arriving {
  constructor(private readonly form: HTMLFormElement) {}

  async start(): Promise<void> {
    this.say("asking");
    const found = await Promise.race([this.ask(), late()]);
    if (!found.code) return this.say(found.failure);
    const field = this.form.querySelector<HTMLInputElement>("input[name=auth_code]");
    if (!field) throw new Error("the page has no field for the code");
    field.value = found.code;
    this.form.submit();
  }

  private async ask(): Promise<Found> {
    if (!client()?.getAuthCode && !(await loaded(this.form.dataset.script ?? ""))) return { failure: "noClient" };
    return codeOf(client());
  }

  private say(what: Failure | "asking"): void {
    const note = this.form.querySelector("[role=status]");
    if (note) note.textContent = this.form.dataset[what] ?? "";
  }
}

interface Found {
  code?: string | undefined;
  failure: Failure;
}

const late = (): Promise<Found> => new Promise((done) => window.setTimeout(() => done({ failure: "late" }), PATIENCE));

function loaded(address: string): Promise<boolean> {
  return new Promise((done) => {
    const script = Object.assign(document.createElement("script"), { src: address });
    script.addEventListener("load", () => done(true));
    script.addEventListener("error", () => done(false));
    document.head.append(script);
  });
}

/** Versions of their script answer by a promise or by a callback, and name the code in several ways. */
function codeOf(dd: Client | undefined): Promise<Found> {
  return new Promise((done) => {
    if (!dd?.getAuthCode) return done({ failure: "noClient" });
    const refused = () => done({ failure: "refused" });
    const told = (answer: Answer) => done({ code: answer?.code ?? answer?.auth_code ?? answer?.authCode, failure: "refused" });
    try {
      void dd.getAuthCode({ corpId: "", onSuccess: told, onFail: refused })?.then(told, refused);
    } catch {
      refused();
    }
  });
}

island("arrive", (element) => {
  if (element instanceof HTMLFormElement) void new Arriving(element).start();
});
