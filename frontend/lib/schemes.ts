// What the map's dots may be coloured by: into which few kinds a merchant falls, worst last, and each kind's colour.

import palette from "../palette.json";

export interface Merchant {
  id: number;
  name: string;
  search: string;
  kind: string;
  town: string;
  fume_level: number | null;
  stars: number | null;
  open_issues: number;
  device_state: string | null;
  alarms: number;
}

type Meaning = keyof typeof palette.means;

export interface Kind {
  /** The name of its word in the page. */
  word: string;
  tone: Meaning;
}

export interface Scheme {
  /** From best to worst: the worst is drawn on top. */
  kinds: Kind[];
  /** Which of them a merchant is. */
  of: (merchant: Merchant) => number;
}

const kind = (word: string, tone: Meaning): Kind => ({ word, tone });

const LEVELS = [kind("unrated", "unrated"), kind("level1", "level1"), kind("level2", "level2"), kind("level3", "level3")];
const ISSUES = [kind("issuesNone", "neutral"), kind("issuesOne", "restricted"), kind("issuesMany", "prohibited")];
const DEVICES = [kind("deviceNone", "neutral"), kind("online", "online"), kind("observing", "observing"), kind("maintenance", "maintenance"), kind("dark", "dark")];
const STARS = [kind("starsNone", "unrated"), kind("starsHigh", "level1"), kind("starsMiddle", "level2"), kind("starsLow", "level3")];
const ALARMS = [kind("alarmsNone", "neutral"), kind("alarm", "alarm")];

export const SCHEMES: Record<string, Scheme> = {
  fume_level: { kinds: LEVELS, of: ({ fume_level }) => fume_level ?? 0 },
  open_issues: { kinds: ISSUES, of: ({ open_issues }) => Math.min(open_issues, 2) },
  device_state: { kinds: DEVICES, of: ({ device_state }) => Math.max(0, DEVICES.findIndex(({ word }) => word === device_state)) },
  stars: { kinds: STARS, of: ({ stars }) => (stars === null ? 0 : stars >= 4 ? 1 : stars === 3 ? 2 : 3) },
  alarms: { kinds: ALARMS, of: ({ alarms }) => Math.min(alarms, 1) },
};

export const MOST_KINDS = Math.max(...Object.values(SCHEMES).map(({ kinds }) => kinds.length));

/** The fill of a meaning. */
export const colourOf = (meaning: Meaning): string => palette.tones[palette.means[meaning] as keyof typeof palette.tones].fill;
