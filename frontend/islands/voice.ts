// A voice note of a minute at most, recorded here, heard before it is sent, and kept with the form's draft.
// Where the browser records no sound, or the page has no HTTPS, the field is not shown.

import { island } from "../lib/islands";
import { fill } from "../lib/words";

const LONGEST = 60;
const BITS_A_SECOND = 32_000;
const KINDS = ["audio/webm;codecs=opus", "audio/mp4", "audio/ogg;codecs=opus"];

const canRecord = (): boolean => typeof MediaRecorder === "function" && Boolean(navigator.mediaDevices?.getUserMedia);

class VoiceNote {
  private recorder: MediaRecorder | null = null;
  private seconds = 0;

  constructor(
    private readonly element: HTMLElement,
    private readonly button: HTMLButtonElement,
    private readonly input: HTMLInputElement,
  ) {}

  start(): void {
    this.element.hidden = false;
    this.button.addEventListener("click", () => void this.press());
    this.dropButton?.addEventListener("click", () => this.put(null));
    this.input.addEventListener("lingxiu:restored", () => this.show());
    this.element.closest("form")?.addEventListener("submit", () => this.recorder?.stop());
    if (this.input.files?.length) this.show();
  }

  private async press(): Promise<void> {
    if (this.recorder) return this.recorder.stop();
    this.button.disabled = true;
    try {
      await this.record(await navigator.mediaDevices.getUserMedia({ audio: true }));
    } catch {
      this.say(this.element.dataset.denied);
    } finally {
      this.button.disabled = false;
    }
  }

  private async record(stream: MediaStream): Promise<void> {
    const kind = KINDS.find((one) => MediaRecorder.isTypeSupported(one));
    const recorder = new MediaRecorder(stream, { audioBitsPerSecond: BITS_A_SECOND, ...(kind ? { mimeType: kind } : {}) });
    const pieces: Blob[] = [];
    recorder.addEventListener("dataavailable", ({ data }) => pieces.push(data));
    recorder.addEventListener("stop", () => this.stopped(stream, recorder, pieces));
    this.seconds = 0;
    const clock = window.setInterval(() => this.tick(), 1000);
    recorder.addEventListener("stop", () => window.clearInterval(clock));
    recorder.start();
    this.recorder = recorder;
    this.element.setAttribute("aria-busy", "true"); // the form waits for it
    this.call(this.element.dataset.stop);
    this.tell();
  }

  private tick(): void {
    this.seconds += 1;
    if (this.seconds >= LONGEST) this.recorder?.stop();
    else this.tell();
  }

  private tell(): void {
    this.say(fill(this.element.dataset.recording ?? "", LONGEST - this.seconds));
  }

  private stopped(stream: MediaStream, recorder: MediaRecorder, pieces: Blob[]): void {
    for (const track of stream.getTracks()) track.stop();
    this.recorder = null;
    this.element.removeAttribute("aria-busy");
    this.put(new File(pieces, "voice", { type: recorder.mimeType.split(";")[0] ?? "" }));
  }

  private put(file: File | null): void {
    const transfer = new DataTransfer();
    if (file?.size) transfer.items.add(file);
    this.input.files = transfer.files;
    this.show();
    this.input.dispatchEvent(new CustomEvent("lingxiu:file", { bubbles: true }));
  }

  private show(): void {
    const file = this.input.files?.[0];
    const player = this.element.querySelector("audio");
    if (player?.src) URL.revokeObjectURL(player.src);
    if (player) {
      player.hidden = !file;
      if (file) player.src = URL.createObjectURL(file);
      else player.removeAttribute("src");
    }
    if (this.dropButton) this.dropButton.hidden = !file;
    this.call(file ? this.element.dataset.again : this.element.dataset.start);
    this.say("");
  }

  private get dropButton(): HTMLButtonElement | null {
    return this.element.querySelector<HTMLButtonElement>("[data-voice-drop]");
  }

  private call(text?: string): void {
    const call = this.element.querySelector("[data-voice-call]");
    if (call) call.textContent = text ?? "";
  }

  private say(text?: string): void {
    const note = this.element.querySelector("[role=status]");
    if (note) note.textContent = text ?? "";
  }
}

island("voice", (element) => {
  const button = element.querySelector("button");
  const input = element.querySelector<HTMLInputElement>("input[type=file]");
  if (canRecord() && button && input) new VoiceNote(element, button, input).start();
});
