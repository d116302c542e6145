// Draws the figures of a page, in the colours of its light or dark scheme. Plotly is loaded by pages that have one.
(function () {
  "use strict";
  const here = document.currentScript.src;
  const beside = (name) => new URL(name, here).href;

  function load(name, then) {
    const script = document.createElement("script");
    script.src = beside(name);
    script.onload = then;
    document.head.appendChild(script);
  }

  const isDark = () => document.body.getAttribute("data-md-color-scheme") === "slate";

  function dressed(layout, inGallery) {
    const colors = window.headwaterColors[isDark() ? "dark" : "light"];
    const result = JSON.parse(JSON.stringify(layout));
    result.paper_bgcolor = result.plot_bgcolor = "rgba(0,0,0,0)";
    result.font = Object.assign({}, result.font, { color: colors.ink });
    for (const key of Object.keys(result).filter((one) => /^[xy]axis\d*$/.test(one))) {
      Object.assign(result[key], { gridcolor: colors.grid, zerolinecolor: colors.zero, linecolor: colors.zero });
    }
    result.autosize = true;
    // a legend of several lines above a picture would lie on its title
    result.legend = Object.assign({}, result.legend, { orientation: "h", x: 0, xanchor: "left", yref: "container", y: 0, yanchor: "bottom" });
    if (inGallery) {
      result.showlegend = false;
      result.title = Object.assign({}, result.title, { font: { size: 13 } });
    }
    result.margin = Object.assign({}, result.margin, { t: 48, r: 16 });
    delete result.width;
    return result;
  }

  function draw(place) {
    if (!place.picture) {
      place.picture = JSON.parse(place.querySelector("script").textContent);
    }
    const data = JSON.parse(JSON.stringify(place.picture.data));
    window.Plotly.react(place, data, dressed(place.picture.layout, place.closest(".hw-gallery") !== null), { displayModeBar: false, responsive: true });
  }

  function drawAll() {
    document.querySelectorAll(".hw-figure").forEach(draw);
  }

  function start() {
    if (!document.querySelector(".hw-figure")) return;
    load("colors.js", () => load("plotly.min.js", () => {
      drawAll();
      new MutationObserver(drawAll).observe(document.body, { attributes: true, attributeFilter: ["data-md-color-scheme"] });
    }));
  }

  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
