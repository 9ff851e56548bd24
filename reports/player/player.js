"use strict";
(() => {
  const SVG = "http://www.w3.org/2000/svg";
  const data = JSON.parse(document.getElementById("data").textContent);
  const frames = data.ts.length;
  const byId = (id) => document.getElementById(id);
  const make = (name, attributes, parent, text) => {
    const made = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    if (text !== undefined) made.textContent = text;
    parent.append(made);
    return made;
  };
  const shown = (value) => value.toLocaleString("en", { maximumFractionDigits: 2 });
  const end = Math.max(data.ts[frames - 1], 1e-9);

  // --- charts: lines over time, with a cursor ---------------------------------------------------
  const WIDTH = 720, HEIGHT = 170, LEFT = 84, RIGHT = 8, TOP = 26, BOTTOM = 24;
  const cursors = [];
  const at = (seconds) => LEFT + (seconds / end) * (WIDTH - LEFT - RIGHT);
  const chart = (id, label, lines, marks) => {
    const svg = make("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": label }, byId(id));
    const values = lines.flatMap((line) => line.y.filter((y) => y !== null));
    let low = Infinity, high = -Infinity;
    for (const y of values) { low = Math.min(low, y); high = Math.max(high, y); }
    if (!(low < high)) { low -= 1; high += 1; }
    const y = (value) => HEIGHT - BOTTOM - ((value - low) / (high - low)) * (HEIGHT - TOP - BOTTOM);
    for (const value of [low, (low + high) / 2, high]) {
      make("line", { class: "grid", x1: LEFT, x2: WIDTH - RIGHT, y1: y(value), y2: y(value) }, svg);
      make("text", { x: LEFT - 6, y: y(value) + 4, "text-anchor": "end" }, svg, shown(value));
    }
    for (const part of [0, 0.5, 1]) {
      make("text", { x: at(part * end), y: HEIGHT - 5, "text-anchor": part === 0 ? "start" : part === 1 ? "end" : "middle" }, svg, `${shown(part * end)} s`);
    }
    make("text", { x: LEFT, y: 17 }, svg, label);
    for (const line of lines) {
      let path = "", pen = "M", before = null;
      line.y.forEach((value, i) => {
        if (value === null) { pen = "M"; before = null; return; }
        const x = at(line.x[i]).toFixed(1);
        if (line.steps && before !== null) path += `L${x} ${y(before).toFixed(1)}`;
        path += `${pen}${x} ${y(value).toFixed(1)}`;
        pen = "L"; before = value;
      });
      make("path", { class: line.kind, d: path || "M0 0" }, svg);
    }
    for (const [seconds, price, side, maker] of marks) {
      const x = at(seconds), middle = y(price), size = side > 0 ? 5 : -5;
      make("path", { class: (side > 0 ? "bought" : "sold") + (maker ? "" : " taker"),
        d: `M${x - 4} ${middle + size}L${x + 4} ${middle + size}L${x} ${middle - size}Z` }, svg);
    }
    cursors.push(make("line", { class: "cursor", x1: LEFT, x2: LEFT, y1: TOP, y2: HEIGHT - BOTTOM }, svg));
    svg.addEventListener("click", (event) => {
      const box = svg.getBoundingClientRect();
      const x = ((event.clientX - box.left) / box.width) * WIDTH;
      const wanted = ((x - LEFT) / (WIDTH - LEFT - RIGHT)) * end;
      show(data.ts.findIndex((seconds) => seconds >= wanted));
    });
  };
  const own = (side, field) => data.own.map((frame) => (frame[side][1] > 0 ? frame[side][field] : null));
  chart("price", "price, ticks: mid, own bid and ask, fills", [
    { x: data.ts, y: data.mid, kind: "mid", steps: true },
    { x: data.ts, y: own(0, 0), kind: "bid", steps: true },
    { x: data.ts, y: own(1, 0), kind: "ask", steps: true },
  ], data.fills);
  chart("inventory", "inventory, lots", [{ x: data.ts, y: data.inventory, kind: "mid", steps: true }], []);
  chart("pnl", "PnL, account currency, at decisions", [{ x: data.steps, y: data.pnl, kind: "mid", steps: true }], []);

  // --- the ladder -------------------------------------------------------------------------------
  const LEVELS = data.levels, ROW = 20, LADDER = 300;
  const ladder = make("svg", { viewBox: `0 0 ${LADDER} ${ROW * (2 * LEVELS + 1)}`, role: "img", "aria-label": "order book" }, byId("ladder"));
  const rows = [];
  for (let i = 0; i < 2 * LEVELS; i++) {
    const ask = i < LEVELS, top = ROW * (i + (ask ? 0 : 1));
    rows.push({
      bar: make("rect", { class: ask ? "asks" : "bids", x: 90, y: top + 2, width: 0, height: ROW - 4 }, ladder),
      own: make("rect", { class: "own", x: 90, y: top + 2, width: 0, height: ROW - 4 }, ladder),
      price: make("text", { x: 80, y: top + 15, "text-anchor": "end" }, ladder, ""),
      lots: make("text", { x: LADDER - 4, y: top + 15, "text-anchor": "end" }, ladder, ""),
    });
  }
  const spread = make("text", { x: 80, y: ROW * (LEVELS + 0.75), "text-anchor": "end", class: "soft" }, ladder, "");
  const drawLadder = (frame) => {
    const depth = data.depth[frame], quotes = data.own[frame];
    let most = 1;
    for (let i = 0; i < LEVELS; i++) most = Math.max(most, depth[4 * i + 1] || 0, depth[4 * i + 3] || 0);
    for (let i = 0; i < LEVELS; i++) {
      for (const side of [0, 1]) {
        const lots = depth[4 * i + (side ? 1 : 3)] || 0, price = depth[4 * i + (side ? 0 : 2)];
        const row = rows[side ? LEVELS - 1 - i : LEVELS + i], quote = quotes[side];
        const mine = lots > 0 && quote[1] > 0 && quote[0] === price ? quote[1] : 0;
        row.bar.setAttribute("width", (120 * lots) / most);
        row.own.setAttribute("width", mine > 0 ? Math.max(3, (120 * mine) / most) : 0);
        row.price.textContent = lots > 0 ? shown(price) : "";
        row.lots.textContent = lots > 0 ? shown(lots) + (mine ? ` (${mine} own)` : "") : "";
      }
    }
    spread.textContent = depth[1] > 0 && depth[3] > 0 ? `spread ${depth[0] - depth[2]}` : "";
  };

  // --- what is shown now, and controls ----------------------------------------------------------
  const SPEEDS = [0.25, 0.5, 1, 2, 4, 8, 16];
  let now = 0, playing = false, speed = 2, last = 0, carried = 0;
  const quoted = (quote) => (quote[1] > 0 ? `${quote[1]} at ${shown(quote[0])}, ${shown(quote[2])} ahead` : "none");
  const show = (frame) => {
    now = Math.min(Math.max(frame < 0 ? frames - 1 : frame, 0), frames - 1);
    const x = at(data.ts[now]);
    for (const cursor of cursors) { cursor.setAttribute("x1", x); cursor.setAttribute("x2", x); }
    drawLadder(now);
    byId("seek").value = String(now);
    byId("time").textContent = `${data.ts[now].toFixed(3)} s of ${end.toFixed(0)} s`;
    byId("q").textContent = shown(data.inventory[now]);
    byId("bid").textContent = quoted(data.own[now][0]);
    byId("ask").textContent = quoted(data.own[now][1]);
    let step = -1;
    while (step + 1 < data.steps.length && data.steps[step + 1] <= data.ts[now]) step += 1;
    byId("worth").textContent = step < 0 ? "0" : shown(data.pnl[step]);
    const done = data.fills.filter((fill) => fill[0] <= data.ts[now]);
    byId("fills").textContent = String(done.length);
  };
  const name = () => { byId("play").textContent = playing ? "Pause" : "Play"; byId("speed").textContent = `x ${SPEEDS[speed]}`; };
  const tick = (time) => {
    if (!playing) return;
    carried += ((time - last) / 1000) * 30 * SPEEDS[speed];
    last = time;
    const whole = Math.floor(carried);
    carried -= whole;
    if (whole > 0) show(now + whole);
    if (now >= frames - 1) playing = false;
    name();
    if (playing) requestAnimationFrame(tick);
  };
  const toggle = () => {
    playing = !playing;
    if (playing && now >= frames - 1) show(0);
    last = performance.now();
    carried = 0;
    name();
    if (playing) requestAnimationFrame(tick);
  };
  const faster = (by) => { speed = Math.min(Math.max(speed + by, 0), SPEEDS.length - 1); name(); };
  byId("seek").max = String(frames - 1);
  byId("seek").addEventListener("input", (event) => show(Number(event.target.value)));
  byId("play").addEventListener("click", toggle);
  byId("slower").addEventListener("click", () => faster(-1));
  byId("faster").addEventListener("click", () => faster(1));
  const keys = {
    " ": toggle, ArrowRight: () => show(Math.min(now + 1, frames - 1)), ArrowLeft: () => show(Math.max(now - 1, 0)),
    PageDown: () => show(Math.min(now + 100, frames - 1)), PageUp: () => show(Math.max(now - 100, 0)),
    Home: () => show(0), End: () => show(frames - 1), "+": () => faster(1), "-": () => faster(-1),
  };
  document.addEventListener("keydown", (event) => {
    const act = keys[event.key];
    if (!act || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    act();
  });
  show(0);
  name();
  document.documentElement.dataset.ready = "yes";
})();
