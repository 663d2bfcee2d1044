// Bundled with Vega, Vega-Lite and vega-embed: draws each chart whose JSON stands in the page
for (const place of document.querySelectorAll(".vega-lite")) {
  const chart = JSON.parse(place.querySelector("script").textContent);
  delete chart.$schema; // it names altair's Vega-Lite, an older one
  vegaEmbed(place, chart, { mode: "vega-lite", actions: false });
}
