// Asks the server every few seconds whether anything this reader may see has changed, and says so to the page.

const SOON = 4_000;
const LONGEST = 60_000;

interface Change {
  next?: string;
}

/** The journal's cursor in an HX-Trigger header, and whether something has changed; null where it says neither. */
export function readTrigger(header: string | null): { next: string; changed: boolean } | null {
  if (!header?.startsWith("{")) return null;
  for (const [event, detail] of Object.entries(JSON.parse(header) as Record<string, Change>)) {
    if (event.startsWith("lingxiu:") && detail.next) return { next: detail.next, changed: event === "lingxiu:changed" };
  }
  return null;
}

/** Polls while the page is seen, starting from the cursor the page was made at; backs off while the server is away. */
export function startPulse(cursor: string): void {
  let since = cursor;
  let wait = SOON;
  let timer = 0;
  let asking = false;

  const again = (after: number) => {
    window.clearTimeout(timer);
    if (document.visibilityState === "visible") timer = window.setTimeout(ask, after);
  };

  const ask = async () => {
    if (asking) return;
    asking = true;
    try {
      const answer = await fetch(`/pulse?since=${encodeURIComponent(since)}`, { headers: { "HX-Request": "true" } });
      if (answer.redirected || answer.status === 401 || answer.status === 403) return; // signed out: the next click will say so
      if (!answer.ok) throw new Error(String(answer.status));
      wait = SOON;
      take(readTrigger(answer.headers.get("HX-Trigger")));
    } catch {
      wait = Math.min(wait * 2, LONGEST);
    } finally {
      asking = false;
    }
    again(wait);
  };

  const take = (news: ReturnType<typeof readTrigger>) => {
    if (!news) return;
    const first = since === "";
    since = news.next;
    if (news.changed && !first) document.body.dispatchEvent(new CustomEvent("lingxiu:changed", { bubbles: true }));
  };

  document.addEventListener("visibilitychange", () => again(0));
  again(since ? SOON : 0);
}
