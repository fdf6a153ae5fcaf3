// The county on a map: every merchant coloured by what matters, clusters, filters, search, a card on click, live alarms.
// Where there is no WebGL 2 the list in the page stays as it is.

import type { Feature, FeatureCollection, Geometry, Point } from "geojson";
import {
  type AddLayerObject,
  type FilterSpecification,
  type GeoJSONSource,
  LngLat,
  type LngLatBoundsLike,
  Map as Canvas,
  type MapLayerMouseEvent,
  type MapMouseEvent,
  Marker,
  setWorkerCount,
  setWorkerUrl,
  type StyleSpecification,
} from "maplibre-gl";

import { data } from "../lib/islands";
import { badge, label, type Picture, ring } from "../lib/pictures";
import { colourOf, type Merchant, MOST_KINDS, SCHEMES, type Scheme } from "../lib/schemes";
import { fill } from "../lib/words";
import { map as mapColours, surface } from "../palette.json";

interface Config {
  worker_url: string;
  merchants_url: string;
  areas_url: string;
  ground_url?: string;
  alarms_url: string;
  card_url: string;
  bounds: [west: number, south: number, east: number, north: number];
}

interface Area {
  name: string;
  code: string;
  level: "county" | "town" | "community" | "grid";
  lng?: number;
  lat?: number;
}

interface Alarm {
  id: number;
  code: string;
  label: string;
  raised_at: string;
  /** Whether people hear of it by itself, not for a time, or as part of a storm. */
  mark: keyof typeof MARKS;
}

type Merchants = FeatureCollection<Point, Merchant>;
type Areas = FeatureCollection<Geometry, Area>;
type Alarms = FeatureCollection<Point, Alarm>;

const CLUSTER_UP_TO = 13;
const NAMES_FROM = 15.5;
const NEAR = 16.5;
const TAP_RADIUS = 8;
const RESULTS = 20;
/** How open alarms are marked: the sign, its meaning's colour, and its word in the legend. */
const MARKS = { open: ["!", "alarm", "openAlarm"], muted: ["–", "neutral", "mutedAlarm"], storm: ["≈", "dark", "stormAlarm"] } as const;

/** An alarm this young pulses; an older one is a still ring. */
const NEW_ALARM = 30 * 60 * 1000;
const MOST_PULSES = 60;
const MERCHANTS_AGAIN_AFTER = 60_000;
const EMPTY: FeatureCollection = { type: "FeatureCollection", features: [] };

const get = async <T>(url: string): Promise<T> => {
  const answer = await fetch(url); // as the page preloads it: no headers of its own
  if (!answer.ok) throw new Error(`${url}: ${answer.status}`);
  return (await answer.json()) as T;
};

function part<T extends HTMLElement>(root: HTMLElement, name: string): T {
  const element = root.querySelector<T>(`[data-map-${name}]`);
  if (!element) throw new Error(`the map has no part data-map-${name}`);
  return element;
}

class CountyMap {
  private readonly canvas: Canvas;
  private readonly filters: HTMLFormElement;
  private readonly card: HTMLElement;
  private readonly words: DOMStringMap;
  private readonly pulses: Marker[] = [];
  /** The gravest open alarm of each merchant that has one. */
  private marks = new Map<number, keyof typeof MARKS>();
  private merchants: Merchants = { type: "FeatureCollection", features: [] };
  private merchantsAt = 0;
  private shown: Feature<Point, Merchant>[] = [];

  constructor(
    private readonly root: HTMLElement,
    private readonly config: Config,
  ) {
    this.filters = part(root, "filters");
    this.card = part(root, "card");
    this.words = part(root, "words").dataset;
    this.fromAddress();
    setWorkerUrl(config.worker_url);
    setWorkerCount(1);
    root.dataset.mapped = "";
    try {
      this.canvas = this.makeCanvas();
    } catch (error) {
      delete root.dataset.mapped; // no WebGL 2 here: the list stays
      throw error;
    }
  }

  /** Fetches all at once and draws the merchants first: each further kind of layer costs a slow machine a tenth of a second. */
  async start(): Promise<void> {
    const areas = get<Areas>(this.config.areas_url);
    const merchants = get<Merchants>(this.config.merchants_url);
    const alarms = get<Alarms>(this.config.alarms_url);
    this.listen();
    try {
      await this.styled();
      this.merchants = await merchants;
      this.merchantsAt = Date.now();
      this.drawMerchants();
      await this.usable();
      this.drawAreas(await areas);
      this.drawAlarms(await alarms);
      if (this.config.ground_url) void this.source("ground").setData(this.config.ground_url);
      this.canvas.once("idle", () => (this.root.dataset.drawn = ""));
      this.canvas.triggerRepaint();
      const id = Number(new URLSearchParams(location.search).get("id"));
      if (id) this.goTo(id);
    } catch (error) {
      this.fail(error);
    }
  }

  private makeCanvas(): Canvas {
    const at = new URLSearchParams(location.search).get("at")?.split(",").map(Number);
    const [lng, lat, zoom] = at ?? [];
    const [west, south, east, north] = this.config.bounds;
    const view =
      lng !== undefined && lat !== undefined
        ? { center: new LngLat(lng, lat), zoom: zoom ?? NEAR }
        : { bounds: [west, south, east, north] as LngLatBoundsLike, fitBoundsOptions: { padding: this.padding() } };
    const canvas = new Canvas({
      container: part(this.root, "canvas"),
      style: style(),
      ...view,
      maxBounds: [west - 0.4, south - 0.3, east + 0.4, north + 0.3],
      maxZoom: 19,
      attributionControl: false,
      dragRotate: false,
      pitchWithRotate: false,
      touchPitch: false,
      renderWorldCopies: false,
      fadeDuration: 0,
      validateStyle: false,
      canvasContextAttributes: { antialias: false },
    });
    canvas.touchZoomRotate.disableRotation();
    canvas.setMissingStyleImageResolver(async (id) => {
      const picture = this.picture(id);
      if (picture && !canvas.hasImage(id)) canvas.addImage(id, picture.image, { pixelRatio: picture.ratio });
    });
    return canvas;
  }

  /** Room for the panel that lies over the map. */
  private padding() {
    const wide = this.root.clientWidth >= 768;
    return wide ? { top: 24, right: 24, bottom: 24, left: 320 } : { top: 172, right: 12, bottom: 56, left: 12 };
  }

  private styled(): Promise<void> {
    return new Promise((done) => (this.canvas.isStyleLoaded() ? done() : this.canvas.once("style.load", () => done())));
  }

  private source(name: string): GeoJSONSource {
    return this.canvas.getSource(name) as GeoJSONSource;
  }

  // what is drawn

  private get scheme(): Scheme {
    return SCHEMES[this.value("by")] ?? (SCHEMES.fume_level as Scheme);
  }

  private drawMerchants(): void {
    const { of } = this.scheme;
    const wanted = this.predicate();
    this.shown = this.merchants.features.filter(({ properties }) => wanted(properties));
    const features = this.shown.map(({ geometry, properties }) => ({
      type: "Feature" as const,
      geometry,
      properties: { id: properties.id, name: properties.name, kind: of(properties), mark: this.marks.get(properties.id) ?? "" },
    }));
    void this.source("merchants").setData({ type: "FeatureCollection", features });
    this.canvas.setPaintProperty("merchants", "circle-color", dotColour(this.scheme));
    this.drawLegend();
    this.drawFound();
  }

  private drawAreas(areas: Areas): void {
    for (const layer of areaLayers()) this.canvas.addLayer(layer, layer.id === "town-names" ? "alarms" : "merchants");
    void this.source("areas").setData(areas);
    const features = areas.features
      .filter(({ properties }) => properties.level === "town" || properties.level === "community")
      .map(({ geometry, properties }) => ({
        type: "Feature" as const,
        geometry: { type: "Point" as const, coordinates: [properties.lng, properties.lat].every((x) => x !== undefined) ? [properties.lng as number, properties.lat as number] : middle(geometry) },
        properties: { name: properties.name, level: properties.level },
      }));
    void this.source("names").setData({ type: "FeatureCollection", features });
  }

  private drawAlarms(alarms: Alarms): void {
    for (const pulse of this.pulses.splice(0)) pulse.remove();
    const before = this.marks;
    this.marks = gravest(alarms);
    if (this.marks.size !== before.size || [...this.marks].some(([id, mark]) => before.get(id) !== mark)) this.drawMerchants();
    const young = alarms.features.filter(
      ({ properties }) => properties.mark === "open" && Date.now() - Date.parse(properties.raised_at) < NEW_ALARM,
    );
    for (const { geometry } of young.slice(0, MOST_PULSES)) {
      const element = Object.assign(document.createElement("div"), { className: "alarm-pulse" });
      element.setAttribute("aria-hidden", "true");
      const [lng = 0, lat = 0] = geometry.coordinates;
      this.pulses.push(new Marker({ element }).setLngLat([lng, lat]).addTo(this.canvas));
    }
  }

  private picture(id: string): Picture | null {
    const [what, ...rest] = id.split("|");
    if (what === "town") return label(rest.join("|"), 15, 650, surface.brand_dark);
    if (what === "community") return label(rest.join("|"), 12, 400, surface.quiet);
    if (what === "alarm") return mark(rest[0] as keyof typeof MARKS);
    if (what === "shop") return label(rest.join("|"), 12, 500, surface.text);
    if (what !== "ring") return null;
    const [count = 0, alarmed = 0, ...kinds] = rest.map(Number);
    return ring(count, alarmed, colourOf(MARKS.open[1]), kinds.map((n, at) => ({ share: n / count, colour: this.colour(at) })).reverse());
  }

  private colour(kind: number): string {
    return colourOf(this.scheme.kinds[kind]?.tone ?? "neutral");
  }

  private drawLegend(): void {
    const rows = this.scheme.kinds.map(({ word, tone }) => legendRow(`tone-${tone.replace("_", "-")}`, this.words[word] ?? word));
    const drawn = new Set(this.marks.values());
    const others = (["muted", "storm"] as const).filter((name) => drawn.has(name));
    const marked = others.map((name) => legendRow(`tone-${MARKS[name][1]}`, `${MARKS[name][0]} ${this.words[MARKS[name][2]] ?? ""}`));
    const by = this.filters.elements.namedItem("by");
    const title = document.createElement("b");
    title.textContent = by instanceof HTMLSelectElement ? (by.selectedOptions[0]?.text ?? "") : "";
    part(this.root, "legend").replaceChildren(title, ...rows.reverse(), legendRow("ring", this.words.openAlarm ?? ""), ...marked);
  }

  private drawFound(): void {
    const { found = "{n}" } = this.words;
    part(this.root, "found").textContent = fill(found, this.shown.length);
    const list = part<HTMLUListElement>(this.root, "results");
    list.replaceChildren(...(this.value("q") ? this.shown.slice(0, RESULTS).map((merchant) => this.result(merchant)) : []));
  }

  private result({ properties }: Feature<Point, Merchant>): HTMLLIElement {
    const item = document.createElement("li");
    const button = Object.assign(document.createElement("button"), { type: "button" });
    const name = Object.assign(document.createElement("span"), { textContent: properties.name, lang: "zh" });
    const kind = this.scheme.kinds[this.scheme.of(properties)];
    const state = Object.assign(document.createElement("small"), { textContent: kind ? (this.words[kind.word] ?? "") : "" });
    button.append(name, state);
    button.addEventListener("click", () => this.goTo(properties.id));
    item.append(button);
    return item;
  }

  // what is asked

  private value(name: string): string {
    const field = this.filters.elements.namedItem(name);
    if (field instanceof HTMLInputElement && field.type === "checkbox") return field.checked ? "1" : "";
    return field instanceof HTMLInputElement || field instanceof HTMLSelectElement ? field.value.trim() : "";
  }

  private predicate(): (merchant: Merchant) => boolean {
    const words = this.value("q").toLowerCase().split(/\s+/).filter(Boolean);
    const [town, kind, level, open] = [this.value("town"), this.value("kind"), this.value("level"), this.value("open")];
    return (merchant) =>
      (!town || merchant.town === town) &&
      (!kind || merchant.kind === kind) &&
      (!level || String(merchant.fume_level ?? "none") === level) &&
      (!open || merchant.open_issues > 0) &&
      words.every((word) => merchant.search.includes(word));
  }

  private fromAddress(): void {
    for (const [name, value] of new URLSearchParams(location.search)) {
      const field = this.filters.elements.namedItem(name);
      if (field instanceof HTMLInputElement && field.type === "checkbox") field.checked = value === "1";
      else if (field instanceof HTMLInputElement || field instanceof HTMLSelectElement) field.value = value;
    }
  }

  private toAddress(): void {
    const query = new URLSearchParams();
    for (const name of ["by", "town", "kind", "level", "open", "q"]) if (this.value(name)) query.set(name, this.value(name));
    const { lng, lat } = this.canvas.getCenter();
    query.set("at", `${lng.toFixed(5)},${lat.toFixed(5)},${this.canvas.getZoom().toFixed(2)}`);
    if (this.card.dataset.id) query.set("id", this.card.dataset.id);
    history.replaceState(null, "", `?${query}`);
  }

  // what the reader does

  private listen(): void {
    this.filters.addEventListener("input", () => this.drawMerchants());
    this.filters.addEventListener("change", () => this.toAddress());
    this.filters.addEventListener("submit", (event) => {
      event.preventDefault();
      const [first] = this.shown;
      if (this.value("q") && first) this.goTo(first.properties.id);
    });
    this.canvas.on("moveend", () => this.toAddress());
    this.canvas.on("click", (event) => void this.tap(event));
    for (const layer of ["merchants", "clusters"]) {
      this.canvas.on("mouseenter", layer, () => this.point("pointer"));
      this.canvas.on("mouseleave", layer, (_: MapLayerMouseEvent) => this.point(""));
    }
    part(this.root, "zoom-in").addEventListener("click", () => this.canvas.zoomIn());
    part(this.root, "zoom-out").addEventListener("click", () => this.canvas.zoomOut());
    part(this.root, "here").addEventListener("click", () => this.goHere());
    part(this.root, "close").addEventListener("click", () => this.closeCard());
    this.card.addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.closeCard();
    });
    document.body.addEventListener("lingxiu:changed", () => void this.refetch());
  }

  private point(cursor: string): void {
    this.canvas.getCanvas().style.cursor = cursor;
  }

  private async tap({ point }: MapMouseEvent): Promise<void> {
    const box: [[number, number], [number, number]] = [
      [point.x - TAP_RADIUS, point.y - TAP_RADIUS],
      [point.x + TAP_RADIUS, point.y + TAP_RADIUS],
    ];
    const [hit] = this.canvas.queryRenderedFeatures(box, { layers: ["merchants", "clusters"] });
    if (!hit) return;
    if (hit.layer.id === "merchants") return this.openCard(Number(hit.properties.id));
    const zoom = await this.source("merchants").getClusterExpansionZoom(Number(hit.properties.cluster_id));
    const [lng = 0, lat = 0] = (hit.geometry as Point).coordinates;
    this.canvas.easeTo({ center: [lng, lat], zoom: zoom + 0.2 });
  }

  private goTo(id: number): void {
    const found = this.merchants.features.find(({ properties }) => properties.id === id);
    if (!found) return;
    const [lng = 0, lat = 0] = found.geometry.coordinates;
    this.canvas.easeTo({ center: [lng, lat], zoom: Math.max(this.canvas.getZoom(), NEAR) });
    void this.openCard(id);
  }

  private goHere(): void {
    navigator.geolocation.getCurrentPosition(({ coords }) => {
      this.canvas.easeTo({ center: [coords.longitude, coords.latitude], zoom: NEAR });
    });
  }

  private async openCard(id: number): Promise<void> {
    const body = part(this.root, "card-body");
    this.card.dataset.id = String(id);
    try {
      const answer = await fetch(this.config.card_url.replace("/0/", `/${id}/`), { headers: { "HX-Request": "true" } });
      if (!answer.ok) throw new Error(String(answer.status));
      body.innerHTML = await answer.text();
    } catch {
      body.textContent = this.words.failed ?? "";
    }
    this.card.hidden = false;
    body.dispatchEvent(new CustomEvent("lingxiu:inserted", { bubbles: true }));
    part(this.root, "close").focus({ preventScroll: true });
    this.toAddress();
  }

  private closeCard(): void {
    this.card.hidden = true;
    delete this.card.dataset.id;
    this.canvas.getCanvas().focus({ preventScroll: true });
    this.toAddress();
  }

  private async refetch(): Promise<void> {
    try {
      this.drawAlarms(await get<Alarms>(this.config.alarms_url));
      if (Date.now() - this.merchantsAt < MERCHANTS_AGAIN_AFTER) return;
      this.merchantsAt = Date.now();
      this.merchants = await get<Merchants>(this.config.merchants_url);
      this.drawMerchants();
    } catch {
      // the next change asks again; what is drawn stays
    }
  }

  // being ready

  /** Marks the map usable in the first frame in which a merchant or a cluster can be clicked. */
  private usable(): Promise<void> {
    return new Promise((done) => {
      const look = () => {
        const drawn = this.canvas.queryRenderedFeatures({ layers: ["merchants", "clusters"] }).length > 0;
        if (!drawn && this.shown.length > 0) return;
        this.canvas.off("render", look);
        performance.mark("map-usable");
        this.root.dataset.usable = "";
        done();
      };
      this.canvas.on("render", look);
    });
  }

  private fail(error: unknown): void {
    delete this.root.dataset.mapped;
    this.root.dataset.failed = String(error);
  }
}

function legendRow(className: string, text: string): HTMLElement {
  const row = Object.assign(document.createElement("span"), { className });
  row.append(document.createElement("i"), text);
  return row;
}

/** What each merchant is marked with: of several alarms the one people hear of. */
function gravest(alarms: Alarms): Map<number, keyof typeof MARKS> {
  const found = new Map<number, keyof typeof MARKS>();
  const order = Object.keys(MARKS).reverse();
  const sorted = [...alarms.features].sort((a, b) => order.indexOf(a.properties.mark) - order.indexOf(b.properties.mark));
  for (const { properties } of sorted) found.set(properties.id, properties.mark);
  return found;
}

function mark(name: keyof typeof MARKS): Picture {
  const [sign, meaning] = MARKS[name];
  return badge(sign, colourOf(meaning));
}

/** The middle of a shape's box: good enough for a name. */
function middle(geometry: Geometry): [number, number] {
  const box = [Infinity, Infinity, -Infinity, -Infinity] as [number, number, number, number];
  const walk = (part: unknown): void => {
    if (!Array.isArray(part)) return;
    const [lng, lat] = part as [unknown, unknown];
    if (typeof lng === "number" && typeof lat === "number") {
      box[0] = Math.min(box[0], lng);
      box[1] = Math.min(box[1], lat);
      box[2] = Math.max(box[2], lng);
      box[3] = Math.max(box[3], lat);
    } else part.forEach(walk);
  };
  if ("coordinates" in geometry) walk(geometry.coordinates);
  return [(box[0] + box[2]) / 2, (box[1] + box[3]) / 2];
}

function dotColour({ kinds }: Scheme) {
  const steps = kinds.flatMap(({ tone }, at) => [at, colourOf(tone)]);
  return ["match", ["get", "kind"], ...steps, surface.mist] as unknown as string;
}

const levelIs = (level: Area["level"]): FilterSpecification => ["==", ["get", "level"], level];

/** Counts of each kind and of those with an alarm within a cluster, so that its ring can show them. */
function kindCounts(): Record<string, unknown> {
  const counts: Record<string, unknown> = { alarmed: ["+", ["case", ["==", ["get", "mark"], "open"], 1, 0]] };
  for (let at = 0; at < MOST_KINDS; at++) counts[`n${at}`] = ["+", ["case", ["==", ["get", "kind"], at], 1, 0]];
  return counts;
}

/** `ring|<count>|<with an alarm>|<of kind 0>|…`: the name of a cluster's picture says all that it shows. */
function ringName(): unknown[] {
  const kinds = Array.from({ length: MOST_KINDS }, (_, at) => ["concat", "|", ["get", `n${at}`]]);
  return ["concat", "ring|", ["get", "point_count"], "|", ["get", "alarmed"], ...kinds];
}

/** County, towns, communities and grids with their names, from the ground up. */
function areaLayers(): AddLayerObject[] {
  const line = (id: Area["level"], colour: string, width: number, minzoom: number) => ({
    id,
    type: "line",
    source: "areas",
    minzoom,
    filter: levelIs(id),
    paint: { "line-color": colour, "line-width": width },
  });
  const ground = (id: string, type: string, kind: string, shape: unknown, paint: object) => ({
    id,
    type,
    source: "ground",
    filter: ["all", ["==", ["get", "kind"], kind], shape],
    layout: type === "line" ? { "line-cap": "round", "line-join": "round" } : {},
    paint,
  });
  const names = (level: "town" | "community", minzoom: number, maxzoom: number) => ({
    id: `${level}-names`,
    type: "symbol",
    source: "names",
    minzoom,
    maxzoom,
    filter: levelIs(level),
    layout: {
      "icon-image": ["concat", `${level}|`, ["get", "name"]],
      "icon-padding": 0,
      ...(level === "town" ? { "icon-allow-overlap": true, "icon-anchor": "bottom", "icon-offset": [0, -20] } : {}),
    },
  });
  return [
    { id: "land", type: "fill", source: "areas", filter: levelIs("county"), paint: { "fill-color": mapColours.land, "fill-antialias": false } },
    ground("lake", "fill", "water", ["==", ["geometry-type"], "Polygon"], { "fill-color": mapColours.water, "fill-antialias": false }),
    ground("river", "line", "water", ["==", ["geometry-type"], "LineString"], { "line-color": mapColours.water, "line-width": widening(1) }),
    ground("road", "line", "road", true, { "line-color": mapColours.road, "line-width": widening(0.6) }),
    line("grid", mapColours.grid_line, 0.6, 13.5),
    line("community", mapColours.grid_line, 1, 11.5),
    line("town", mapColours.town_line, 1.3, 0),
    line("county", mapColours.county_line, 2.2, 0),
    names("community", 12.5, NAMES_FROM),
    names("town", 0, 12.5),
  ] as unknown as AddLayerObject[];
}

/** A line as wide as its `width` says, growing as one comes closer. */
const widening = (share: number): unknown[] => {
  const width = ["coalesce", ["get", "width"], 1];
  return ["interpolate", ["exponential", 1.5], ["zoom"], 9, ["*", width, 0.7 * share], 17, ["*", width, 5 * share]];
};

function style(): StyleSpecification {
  const source = (more: object = {}) => ({ type: "geojson", data: EMPTY, ...more });
  return {
    version: 8,
    sources: {
      areas: source(),
      ground: source(),
      names: source(),
      merchants: source({ cluster: true, clusterRadius: 44, clusterMaxZoom: CLUSTER_UP_TO, clusterProperties: kindCounts(), maxzoom: 16, buffer: 32 }),
    },
    layers: [
      { id: "outside", type: "background", paint: { "background-color": mapColours.outside } },
      {
        id: "merchants",
        type: "circle",
        source: "merchants",
        filter: ["!", ["has", "point_count"]],
        layout: { "circle-sort-key": ["get", "kind"] },
        paint: {
          "circle-radius": ["interpolate", ["linear"], ["zoom"], 10, 4, 14, 6, 17, 9],
          "circle-color": surface.mist,
          "circle-stroke-color": surface.paper,
          "circle-stroke-width": 1.5,
        },
      },
      {
        id: "clusters",
        type: "symbol",
        source: "merchants",
        filter: ["has", "point_count"],
        layout: { "icon-image": ringName(), "icon-allow-overlap": true, "icon-ignore-placement": true },
      },
      {
        id: "shop-names",
        type: "symbol",
        source: "merchants",
        minzoom: NAMES_FROM,
        filter: ["!", ["has", "point_count"]],
        layout: { "icon-image": ["concat", "shop|", ["get", "name"]], "icon-anchor": "top", "icon-offset": [0, 8] },
      },
      {
        id: "alarms",
        type: "symbol",
        source: "merchants",
        filter: ["all", ["!", ["has", "point_count"]], ["!=", ["get", "mark"], ""]],
        layout: { "icon-image": ["concat", "alarm|", ["get", "mark"]], "icon-offset": [9, -9], "icon-allow-overlap": true, "icon-ignore-placement": true },
      },
    ],
  } as unknown as StyleSpecification;
}

const root = document.querySelector<HTMLElement>('[data-island="map"]');
if (root && typeof WebGL2RenderingContext !== "undefined") void new CountyMap(root, data<Config>("map-config")).start();
