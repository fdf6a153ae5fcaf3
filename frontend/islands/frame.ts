// What every page's frame does beyond HTML: big type, menus that close, filters folded on a phone, lateness, days.

import { startDates } from "../lib/dates";
import { dropAllDrafts } from "../lib/drafts";
import { startDue } from "./due";

const YEAR_SECONDS = 365 * 24 * 3600;
const PHONE = "(max-width: 767.98px)";

function startTextSize(): void {
  const root = document.documentElement;
  const buttons = [...document.querySelectorAll<HTMLButtonElement>("[data-text-size]")];
  const show = () => {
    for (const button of buttons) button.setAttribute("aria-pressed", String(root.classList.contains("elder")));
  };
  for (const button of buttons) {
    button.hidden = false;
    button.addEventListener("click", () => {
      const big = root.classList.toggle("elder");
      document.cookie = `size=${big ? "big" : "normal"}; path=/; max-age=${YEAR_SECONDS}; samesite=lax`;
      show();
    });
  }
  show();
}

function startMenus(): void {
  const closeOthers = (except: EventTarget | null) => {
    for (const menu of document.querySelectorAll<HTMLDetailsElement>("details[data-menu][open]")) {
      if (!(except instanceof Node && menu.contains(except))) menu.open = false;
    }
  };
  document.addEventListener("click", (event) => closeOthers(event.target));
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    const open = document.querySelector<HTMLDetailsElement>("details[data-menu][open]");
    open?.querySelector("summary")?.focus();
    closeOthers(null);
  });
}

function startFilters(): void {
  for (const form of document.querySelectorAll<HTMLFormElement>("form[data-filters]")) {
    const toggle = form.querySelector<HTMLButtonElement>("[data-filters-toggle]");
    if (!toggle) continue;
    const collapse = (collapsed: boolean) => {
      form.toggleAttribute("data-collapsed", collapsed);
      toggle.setAttribute("aria-expanded", String(!collapsed));
    };
    toggle.hidden = false;
    toggle.addEventListener("click", () => collapse(!form.hasAttribute("data-collapsed")));
    collapse(matchMedia(PHONE).matches && form.dataset.filters === "0");
  }
}

function startSignOut(): void {
  for (const form of document.querySelectorAll("form[data-sign-out]")) form.addEventListener("submit", dropAllDrafts);
}

startTextSize();
startSignOut();
startMenus();
startFilters();
startDue();
startDates();
