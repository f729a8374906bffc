/* Qingjiang: the page of a trace along the river. Data reaches the page through text nodes only. */
(function () {
  "use strict";

  const SVG = "http://www.w3.org/2000/svg";
  const PHONE = window.matchMedia("(max-width: 700px)");
  const STILL = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
  if (STILL) L.Map.mergeOptions({ fadeAnimation: false, zoomAnimation: false, markerZoomAnimation: false, inertia: false });

  const SignIcon = L.DivIcon.extend({
    createIcon(old) {
      const icon = L.DivIcon.prototype.createIcon.call(this, old);
      icon.setAttribute("aria-label", this.options.label);
      return icon;
    },
  });

  function el(tag, className, ...children) {
    const node = document.createElement(tag);
    if (className) node.className = className;
    node.append(...children);
    return node;
  }

  function svg(tag, attributes, ...children) {
    const node = document.createElementNS(SVG, tag);
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
    node.append(...children);
    return node;
  }

  function read(id) {
    const node = document.getElementById("qj-" + id);
    return node ? JSON.parse(node.textContent) : null;
  }

  class Page {
    constructor(map) {
      this.map = map;
      this.settings = read("settings");
      this.text = this.settings.text;
      this.markers = new Map();
      for (const [name, zIndex] of [["waters", 340], ["way", 360], ["links", 450]]) {
        const pane = map.createPane(name);
        pane.style.zIndex = zIndex;
        pane.style.pointerEvents = "none";
      }
    }

    addWaters(rivers, lakes) {
      if (lakes) {
        L.geoJSON(lakes, {
          pane: "waters", interactive: false,
          style: { color: "#7FB2CC", weight: 1, fillColor: "#D6E8F0", fillOpacity: 1 },
        }).addTo(this.map);
      }
      if (rivers) {
        L.geoJSON(rivers, { pane: "waters", interactive: false, style: { color: "#9CC4DE", weight: 1.8 } }).addTo(this.map);
      }
    }

    addWay(way) {
      L.geoJSON(way, { pane: "way", interactive: false, style: { color: "#fff", weight: 8, opacity: 0.9 } }).addTo(this.map);
      L.geoJSON(way, {
        pane: "way", interactive: false,
        style: (f) => {
          const band = f.properties.band;
          return {
            color: band === null ? this.settings.untimed : this.settings.bands[band],
            weight: 5, dashArray: band === null ? "7 6" : null, lineCap: "butt",
          };
        },
      }).addTo(this.map);
    }

    icon(p) {
      const kind = this.settings.kinds[p.kind];
      const size = 32;
      const sign = svg("svg", { viewBox: "-3 -3 34 34", width: size, height: size, "aria-hidden": "true" });
      if (p.suspect) {
        sign.append(svg("path", {
          d: kind.path, fill: "none", stroke: this.settings.suspects[p.suspect], "stroke-width": 8, "stroke-linejoin": "round",
        }));
      }
      sign.append(svg("path", {
        d: kind.path, fill: kind.colour, stroke: "#fff", "stroke-width": 3.2, "paint-order": "stroke", "stroke-linejoin": "round",
      }));
      sign.append(svg("text", {
        x: 14, y: kind.y + 4.4, "text-anchor": "middle", fill: "#fff", "font-size": p.number > 99 ? 9.5 : 12.5, "font-weight": 700,
      }, String(p.number)));
      return new SignIcon({
        className: "qj-stop", iconSize: [size, size], html: sign, label: [p.number, p.title, ...p.lines.slice(0, 2)].join(" · "),
      });
    }

    facts(title, lines) {
      return el("div", "qj-facts-body", el("h2", "", title), ...lines.map((line) => el("p", "", line)));
    }

    addPlaces(places) {
      for (const feature of places.features) {
        const p = feature.properties;
        if (p.outline) {
          L.geoJSON(p.outline, {
            pane: "links", interactive: false,
            style: { color: this.settings.kinds[p.kind].colour, weight: 1.6, fillOpacity: 0.18 },
          }).addTo(this.map);
        }
        if (p.link) {
          L.polyline(p.link.map(([lon, lat]) => [lat, lon]), {
            pane: "links", interactive: false, color: "#3A4652", weight: 1.4, opacity: 0.8, dashArray: "4 4",
          }).addTo(this.map);
        }
        const [lon, lat] = feature.geometry.coordinates;
        const marker = L.marker([lat, lon], { icon: this.icon(p), riseOnHover: true, zIndexOffset: 1000 - p.number })
          .bindPopup(() => this.facts(`${p.number} · ${p.title}`, p.lines), { className: "qj-popup", maxWidth: 280 })
          .addTo(this.map);
        marker.on("popupopen", () => this.mark(p.number));
        marker.on("popupclose", () => this.mark(null));
        this.markers.set(p.number, marker);
      }
      for (const button of document.querySelectorAll("button[data-place]")) {
        button.addEventListener("click", () => this.show(Number(button.dataset.place)));
      }
    }

    addOrigin() {
      const { place, label, title } = this.settings.origin;
      const sign = svg("svg", { viewBox: "-14 -14 28 28", width: 34, height: 34, "aria-hidden": "true" },
        svg("circle", { r: 10.5, fill: "#fff", stroke: "#16202a", "stroke-width": 3 }),
        svg("circle", { r: 4.6, fill: "#16202a" }));
      this.origin = L.marker(place, {
        icon: new SignIcon({ className: "qj-stop qj-origin", iconSize: [34, 34], html: sign, label: `${title} · ${label}` }),
        zIndexOffset: 4000,
      }).bindPopup(() => this.facts(label, [title]), { className: "qj-popup", maxWidth: 280 }).addTo(this.map);
    }

    /** Marks the row of a place in the list, and brings it into sight. */
    mark(number) {
      for (const button of document.querySelectorAll("button[data-place]")) {
        const current = Number(button.dataset.place) === number;
        button.setAttribute("aria-current", String(current));
        if (current) button.scrollIntoView({ block: "nearest" });
      }
    }

    show(number) {
      const marker = this.markers.get(number);
      this.map.setView(marker.getLatLng(), Math.max(this.map.getZoom(), 11), { animate: !STILL });
      marker.openPopup();
    }

    addGraticule() {
      const pane = this.map.createPane("graticule");
      pane.style.zIndex = 210;
      pane.style.pointerEvents = "none";
      const lines = L.layerGroup().addTo(this.map);
      const steps = [10, 5, 2, 1, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002];
      const redraw = () => {
        lines.clearLayers();
        const box = this.map.getBounds();
        const step = steps.find((s) => (box.getEast() - box.getWest()) / s >= (PHONE.matches ? 2 : 4)) || 0.001;
        const digits = Math.max(0, Math.ceil(-Math.log10(step)));
        const line = (ends, at, text, className) => {
          L.polyline(ends, { pane: "graticule", interactive: false, color: "#D3DBE0", weight: 1 }).addTo(lines);
          L.marker(at, {
            pane: "graticule", interactive: false, keyboard: false,
            icon: L.divIcon({ className, html: el("span", "", text), iconSize: [0, 0] }),
          }).addTo(lines);
        };
        const [west, east, south, north] = [box.getWest(), box.getEast(), box.getSouth(), box.getNorth()];
        for (let n = Math.ceil(west / step); n * step <= east; n += 1) {
          line([[south, n * step], [north, n * step]], [north, n * step], `${(n * step).toFixed(digits)}°E`, "qj-meridian");
        }
        for (let n = Math.ceil(south / step); n * step <= north; n += 1) {
          line([[n * step, west], [n * step, east]], [n * step, west], `${(n * step).toFixed(digits)}°N`, "qj-parallel");
        }
      };
      this.map.on("moveend resize", redraw);
      redraw();
    }

    addControls() {
      const corner = PHONE.matches ? "bottomright" : "bottomleft";
      L.control.scale({ imperial: false, maxWidth: PHONE.matches ? 90 : 140, position: "bottomleft" }).addTo(this.map);
      L.control.zoom({ position: corner, zoomInTitle: this.text.zoom_in, zoomOutTitle: this.text.zoom_out }).addTo(this.map);
      this.map.attributionControl.setPrefix("Leaflet");
      if (this.settings.attribution) {
        this.map.attributionControl.addAttribution(el("span", "", this.settings.attribution).innerHTML);
      }
      const container = this.map.getContainer();
      container.setAttribute("role", "application");
      container.setAttribute("aria-label", this.text.map_label);
      if (PHONE.matches) document.querySelector(".qj-panel details").open = false;
      container.addEventListener("keydown", (event) => {
        if (event.key === "Escape") this.map.closePopup();
      });
      this.map.on("popupopen", (event) => {
        const close = event.popup.getElement().querySelector(".leaflet-popup-close-button");
        if (close) close.setAttribute("aria-label", this.text.close);
      });
    }

    fit() {
      const size = this.map.getSize();
      const phone = PHONE.matches;
      this.map.fitBounds(this.settings.bounds, {
        paddingTopLeft: [phone ? 36 : 412, phone ? 56 : 44],
        paddingBottomRight: [phone ? 36 : 270, phone ? Math.round(size.y * 0.5) : 48], maxZoom: 14, animate: false,
      });
    }

    draw() {
      this.fit();
      if (this.settings.graticule) this.addGraticule();
      this.addWaters(read("rivers"), read("lakes"));
      this.addWay(read("trace"));
      this.addPlaces(read("places"));
      this.addOrigin();
      this.addControls();
      document.documentElement.dataset.ready = "true";
    }
  }

  window.qingjiang = {
    /** Draws the trace on a Leaflet map; the page object stays reachable as `qingjiang.page`. */
    start(map) {
      const page = new Page(map);
      window.qingjiang.page = page;
      page.draw();
      return page;
    },
  };
})();
