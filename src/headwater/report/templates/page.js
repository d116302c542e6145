"use strict";
(() => {
  const byId = (id) => document.getElementById(id);
  const root = document.documentElement;
  const shared = JSON.parse(byId("shared-lists").textContent);
  const colors = JSON.parse(byId("theme-colors").textContent);
  const drawn = new Map(); // element of a picture -> { key, title, data, layout }

  // ---- light and dark ------------------------------------------------------------------------------------------
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  let chosenTheme = null;
  try { chosenTheme = localStorage.getItem("headwater-theme"); } catch (error) { /* a page from a file may have no storage */ }
  let printing = false;
  const mode = () => (printing ? "light" : chosenTheme || (dark.matches ? "dark" : "light"));
  function applyTheme() {
    root.dataset.theme = mode();
    for (const [figure, picture] of drawn) draw(figure, picture);
  }
  byId("theme").addEventListener("click", () => {
    chosenTheme = mode() === "dark" ? "light" : "dark";
    try { localStorage.setItem("headwater-theme", chosenTheme); } catch (error) { /* as above */ }
    applyTheme();
  });
  dark.addEventListener("change", applyTheme);

  // ---- pictures ------------------------------------------------------------------------------------------------
  function read(key) {
    const element = byId(`chart:${key}`);
    if (!element) return null;
    return JSON.parse(element.textContent, (name, value) =>
      value && typeof value === "object" && Number.isInteger(value.$) ? shared[value.$] : value);
  }

  function plain(text) {
    return String(text).replace(/&lt;/g, "<").replace(/&gt;/g, ">").replace(/&amp;/g, "&");
  }

  const cut = (text, longest) => (text.length > longest ? `${text.slice(0, longest - 1)}…` : text);

  const escaped = (text) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");

  function dressed({ layout, data }, narrow, forFile) {
    const c = colors[mode()];
    const size = narrow ? 11 : 13;
    const result = { ...layout };
    if (!forFile) delete result.title;
    Object.assign(result, {
      autosize: true,
      colorway: colors.series,
      paper_bgcolor: forFile ? c.paper : "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
      font: { family: "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', 'DejaVu Sans', sans-serif", size, color: c.ink },
      hoverlabel: { bgcolor: c.paper, bordercolor: c.zero, font: { color: c.ink, size }, namelength: 40 },
      margin: { ...layout.margin, l: narrow ? 48 : 60, r: narrow ? 10 : 16, t: forFile ? 80 : 16, b: 44 },
      legend: { traceorder: "normal", ...layout.legend, font: { size: narrow ? 10 : 12 } },
    });
    const rows = data.find((trace) => trace.z);
    const points = Math.max(...data.map((trace) => trace.x.length));
    for (const name of Object.keys(layout)) {
      if (!/^[xy]axis\d*$/.test(name)) continue;
      const axis = layout[name];
      result[name] = {
        gridcolor: c.grid, zerolinecolor: c.zero, linecolor: c.zero, tickcolor: c.zero, ...axis,
        title: { ...axis.title, font: { size: narrow ? 11 : 12, color: c.muted }, standoff: 8 },
      };
      if (name === "yaxis" && narrow && rows && axis.type === "category" && rows.y.length <= 25) {
        Object.assign(result[name], { tickvals: rows.y, ticktext: rows.y.map((text) => escaped(cut(plain(text), 14))) });
      }
      if (name.startsWith("x") && narrow) {
        if (!axis.dtick || points > 6) {
          delete result[name].dtick;
          result[name].nticks = rows ? 4 : 5;
        }
        // the year stands below the month, where there is room
        if (axis.type === "date") result[name].tickformat = /%d/.test(axis.hoverformat || "") ? "%d %b\n%Y" : "%b\n%Y";
      }
      if (!axis.type && !axis.tickformat) Object.assign(result[name], { tickformat: ",~g", hoverformat: ",.5~r" });
    }
    return result;
  }

  function inked(trace, narrow) {
    const c = colors[mode()];
    const copy = { ...trace };
    if (trace.meta && trace.meta.ink) {
      if (trace.line) copy.line = { ...trace.line, color: c.line };
      if (trace.marker || /markers/.test(trace.mode || "")) copy.marker = { ...trace.marker, color: c.line };
    }
    const bar = (one) => ({
      tickformat: ",~g", outlinewidth: 0, tickfont: { color: c.muted, size: 11 }, ...one,
      title: { ...one.title, font: { size: 12, color: c.muted } },
    });
    if (trace.colorbar) copy.colorbar = bar(trace.colorbar);
    if (trace.marker && trace.marker.colorbar) copy.marker = { ...trace.marker, colorbar: bar(trace.marker.colorbar) };
    if (trace.textposition) {
      copy.textfont = { color: c.ink };
      if (narrow) copy.text = trace.text.map((text) => escaped(cut(plain(text), 10)));
    }
    return copy;
  }

  function keyOf(figure) {
    const panel = figure.closest(".panel");
    return figure.dataset.chart.replace(/\{(\w+)\}/g, (whole, name) => panel.querySelector(`[data-choice="${name}"]`).value);
  }

  function shownScenarios(figure) {
    const panel = figure.closest(".panel");
    const boxes = panel ? panel.querySelectorAll("[data-scenario]:checked") : [];
    return new Set([...boxes].map((box) => box.dataset.scenario));
  }

  // Pictures share a row, so those that there is nothing for are hidden before the width of the others is taken.
  function drawAll(figures) {
    const found = [...figures].map((figure) => {
      const key = keyOf(figure);
      const before = drawn.get(figure);
      const picture = before && before.key === key ? before : { key, ...read(key) };
      figure.hidden = !picture.data;
      if (picture.data) drawn.set(figure, picture);
      else drawn.delete(figure);
      return [figure, picture];
    });
    for (const [figure, picture] of found) if (picture.data) draw(figure, picture);
  }

  // A network is wider than high; on a phone it stands upright.
  const upright = (position) => ({ "top center": "middle right", "bottom center": "middle left" }[position]);
  function turned({ key, data, layout }) {
    const small = (marker) => ({ ...marker, size: 0.6 * marker.size });
    const arrow = (one) => ({ ...one, x: -one.y, y: -one.x, ax: -one.ay, ay: -one.ax });
    return {
      key,
      data: data.map((trace) => ({
        ...trace, x: trace.y.map((y) => -y), y: trace.x.map((x) => -x),
        ...(trace.marker && { marker: small(trace.marker) }),
        ...(trace.textposition && { textposition: trace.textposition.map(upright) }),
      })),
      layout: { ...layout, annotations: layout.annotations.map(arrow) },
    };
  }

  function traces(figure, picture, narrow) {
    const wanted = shownScenarios(figure);
    return picture.data
      .filter((trace) => !(trace.meta && trace.meta.scenario) || wanted.has(trace.meta.scenario))
      .map((trace) => inked(trace, narrow));
  }

  function draw(figure, drawing) {
    const narrow = figure.clientWidth < 560;
    const picture = narrow && drawing.key === "network" ? turned(drawing) : drawing;
    figure.querySelector("figcaption").textContent = plain(picture.layout.title.text);
    const place = figure.querySelector(".plot");
    place.setAttribute("role", "img");
    place.setAttribute("aria-label", plain(picture.layout.title.text));
    Plotly.react(place, traces(figure, picture, narrow), dressed(picture, narrow, false), { displayModeBar: false, responsive: true });
  }

  // ---- tabs ----------------------------------------------------------------------------------------------------
  const sections = [...document.querySelectorAll("section.tab")];
  function show(name) {
    const chosen = sections.find((section) => section.dataset.tab === name) || sections[0];
    for (const section of sections) section.classList.toggle("shown", section === chosen);
    for (const link of document.querySelectorAll("nav a")) {
      if (link.dataset.tab === chosen.dataset.tab) {
        link.setAttribute("aria-current", "page");
        link.scrollIntoView({ block: "nearest", inline: "nearest" });
      } else link.removeAttribute("aria-current");
    }
    drawAll(chosen.querySelectorAll(".chart"));
  }
  window.addEventListener("hashchange", () => { show(location.hash.slice(1)); window.scrollTo(0, 0); });

  // ---- choices -------------------------------------------------------------------------------------------------
  function redraw(element) {
    drawAll(element.closest(".panel").querySelectorAll(".chart"));
  }
  for (const element of document.querySelectorAll("[data-choice], [data-scenario]")) {
    element.addEventListener("change", () => redraw(element));
  }
  for (const input of document.querySelectorAll("[data-searches]")) {
    const select = input.closest(".panel").querySelector(`[data-choice="${input.dataset.searches}"]`);
    const options = [...select.options];
    input.addEventListener("input", () => {
      const words = input.value.trim().toLowerCase();
      const before = select.value;
      const matching = options.filter((option) =>
        !words || option.value === words || (option.title || option.textContent).toLowerCase().includes(words));
      select.replaceChildren(...(matching.length ? matching : options));
      input.setAttribute("aria-invalid", String(!matching.length));
      select.value = matching.some((option) => option.value === before) && !words ? before : select.options[0].value;
      redraw(select);
    });
  }

  // ---- saving --------------------------------------------------------------------------------------------------
  const fileName = (key) => `headwater-${key.replace(/[^\w-]+/g, "-")}`;

  function cell(value) {
    if (value === null || value === undefined) return "";
    if (typeof value === "number") return String(value);
    let text = plain(value);
    if (/^[=+\-@\t\r']/.test(text)) text = `'${text}`; // no spreadsheet takes it for a formula
    return /[",\n\r]/.test(text) ? `"${text.replace(/"/g, '""')}"` : text;
  }

  function table(picture) {
    const layout = picture.layout;
    const xTitle = (layout.xaxis.title || {}).text || "x";
    const yTitle = (layout.yaxis.title || {}).text || "y";
    const heat = picture.data.find((trace) => trace.z);
    if (heat) {
      const rows = [[xTitle, yTitle, heat.colorbar.title.text]];
      heat.z.forEach((row, i) => row.forEach((value, j) => rows.push([heat.x[j], heat.y[i], value])));
      return rows;
    }
    const rows = [[xTitle, "series", yTitle]];
    for (const trace of picture.data) trace.x.forEach((x, i) => rows.push([x, trace.name, trace.y[i]]));
    return rows;
  }

  function save(blob, name) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  }

  for (const button of document.querySelectorAll("[data-save]")) {
    button.addEventListener("click", () => {
      const figure = button.closest(".chart");
      const picture = drawn.get(figure);
      if (!picture) return;
      const name = fileName(picture.key);
      if (button.dataset.save === "csv") {
        const text = table(picture).map((row) => row.map(cell).join(",")).join("\r\n");
        save(new Blob(["\ufeff", text, "\r\n"], { type: "text/csv" }), `${name}.csv`);
        return;
      }
      const copy = { data: traces(figure, picture, false), layout: dressed(picture, false, true) };
      Plotly.downloadImage(copy, { format: button.dataset.save, filename: name, width: 1100, height: 620, scale: 2 });
    });
  }

  // ---- paper ---------------------------------------------------------------------------------------------------
  window.addEventListener("beforeprint", () => {
    printing = true;
    for (const section of sections) section.classList.add("shown");
    root.dataset.theme = "light";
    drawAll(document.querySelectorAll(".chart"));
  });
  window.addEventListener("afterprint", () => {
    printing = false;
    applyTheme();
    show(location.hash.slice(1));
  });

  root.dataset.theme = mode();
  show(location.hash.slice(1));
})();
