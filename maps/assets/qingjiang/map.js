/* Qingjiang: builds the layers of one map page from the GeoJSON that stands in it.
 * Data reaches the page through text nodes only; markup is made from constants of the page's settings. */
(function () {
  "use strict";

  const SVG = "http://www.w3.org/2000/svg";
  const PHONE = window.matchMedia("(max-width: 700px)");
  const STILL = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
  if (STILL) {
    L.Map.mergeOptions({ fadeAnimation: false, zoomAnimation: false, markerZoomAnimation: false, inertia: false });
    const panBy = L.Map.prototype.panBy;
    L.Map.include({
      panBy(offset, options) {
        return panBy.call(this, offset, { ...options, animate: false });
      },
    });
  }

  /** A DivIcon whose element tells a screen reader what it stands for. */
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
    for (const child of children) if (child !== null && child !== undefined) node.append(child);
    return node;
  }

  function svg(tag, attributes, ...children) {
    const node = document.createElementNS(SVG, tag);
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
    node.append(...children);
    return node;
  }

  function fill(template, values) {
    return template.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
  }

  function read(id) {
    const node = document.getElementById("qj-" + id);
    return node ? JSON.parse(node.textContent) : null;
  }

  function stroke(ink, path, x, y) {
    return svg("path", {
      d: path, transform: `translate(${x} ${y})`, fill: "none", stroke: ink, "stroke-width": 2.5,
      "stroke-linecap": "round", "stroke-linejoin": "round",
    });
  }

  class Page {
    constructor(map) {
      this.map = map;
      this.settings = read("settings");
      this.text = this.settings.text;
      this.layers = {};
      this.lines = new Map();
      this.selected = L.featureGroup().addTo(map);
      for (const [name, zIndex, passive] of [["zones", 350, true], ["distances", 450, true]]) {
        const pane = map.createPane(name);
        pane.style.zIndex = zIndex;
        if (passive) pane.style.pointerEvents = "none";
      }
    }

    /* ---- symbols ---- */

    facilitySymbol(kind, verdict, size) {
      const shape = this.settings.kinds[kind];
      const sign = this.settings.verdicts[verdict];
      const icon = svg("svg", { viewBox: "-2 -2 32 32", width: size, height: size, "aria-hidden": "true" });
      icon.append(svg("path", {
        d: shape.path, fill: sign.fill, stroke: "#fff", "stroke-width": 3.4, "paint-order": "stroke",
        "stroke-linejoin": "round",
      }));
      if (sign.sign) icon.append(stroke(sign.ink, sign.sign, 14, shape.y));
      return icon;
    }

    facilityIcon(p, focused) {
      const size = focused ? 44 : p.verdict === "none" ? 20 : 30;
      const kinds = this.settings.kinds, verdicts = this.settings.verdicts;
      return new SignIcon({
        className: "qj-marker" + (focused ? " qj-focused" : ""), iconSize: [size, size],
        html: this.facilitySymbol(p.kind, p.verdict, size),
        label: [kinds[p.kind].label, p.name, verdicts[p.verdict].label].join(" · "),
      });
    }

    badge(verdict) {
      const sign = this.settings.verdicts[verdict];
      return svg("svg", { viewBox: "-12 -12 24 24", class: "qj-badge", "aria-hidden": "true" },
        svg("circle", { r: 10.4, fill: sign.fill, stroke: "#fff", "stroke-width": 2.4 }),
        stroke(sign.ink, sign.sign, 0, 0));
    }

    pill(water, label, verdict, count) {
      const style = this.settings.classes[water === null ? "none" : water];
      const box = el("span", "qj-pill", label);
      box.style.background = style.colour;
      box.style.color = style.ink;
      const holder = el("span", "qj-pill-holder", box);
      if (count) holder.append(el("span", "qj-number", String(count)));
      else if (verdict === "violation" || verdict === "undetermined") holder.append(this.badge(verdict));
      return holder;
    }

    sectionIcon(p) {
      const verdict = p.verdict ? this.settings.verdicts[p.verdict].label : null;
      return new SignIcon({
        className: "qj-section", iconSize: [p.label.length > 1 ? 42 : 32, 24],
        html: this.pill(p.class, p.label, p.verdict, 0),
        label: [this.text.section, p.name, `${this.text.water_class} ${p.label}`, verdict].filter(Boolean).join(" · "),
      });
    }

    facilityCluster(cluster) {
      const markers = cluster.getAllChildMarkers();
      const order = Object.keys(this.settings.verdicts);
      const counts = order.map((key) => markers.filter((m) => m.feature.properties.verdict === key).length);
      const size = markers.length < 10 ? 34 : markers.length < 100 ? 40 : 48;
      const radius = 15, round = 2 * Math.PI * radius;
      const ring = svg("svg", { viewBox: "-20 -20 40 40", width: size, height: size, "aria-hidden": "true" },
        svg("circle", { r: 19, fill: "#fff" }));
      let start = 0;
      order.forEach((key, place) => {
        const share = counts[place] / markers.length;
        if (!share) return;
        ring.append(svg("circle", {
          r: radius, fill: "none", stroke: this.settings.verdicts[key].fill, "stroke-width": 5,
          "stroke-dasharray": `${share * round} ${round}`, "stroke-dashoffset": -start * round, transform: "rotate(-90)",
        }));
        start += share;
      });
      const holder = el("span", "qj-cluster", ring, el("span", "qj-cluster-count", String(markers.length)));
      const parts = order.filter((_, place) => counts[place])
        .map((key) => `${this.settings.verdicts[key].label} ${counts[order.indexOf(key)]}`);
      const worst = order.find((_, place) => counts[place]);
      if (worst === "violation" || worst === "undetermined") holder.append(this.badge(worst));
      return new SignIcon({
        className: "qj-marker", iconSize: [size, size], html: holder,
        label: fill(this.text.cluster_facilities, { count: markers.length, parts: parts.join(", ") }),
      });
    }

    sectionCluster(cluster) {
      const all = cluster.getAllChildMarkers().map((m) => m.feature.properties);
      const known = all.map((p) => p.class).filter((water) => water !== null);
      const best = known.length ? Math.min(...known) : null;
      const worst = known.length ? Math.max(...known) : null;
      const name = (water) => this.settings.classes[water === null ? "none" : water].label;
      const label = best === worst ? name(worst) : `${name(best)}–${name(worst)}`;
      return new SignIcon({
        className: "qj-section", iconSize: [label.length > 3 ? 60 : label.length > 1 ? 46 : 32, 24],
        html: this.pill(worst, label, null, all.length),
        label: fill(this.text.cluster_sections, { count: all.length, classes: label }),
      });
    }

    /* ---- facts ---- */

    row(label, value) {
      return value === null || value === undefined || value === ""
        ? null : el("div", "qj-fact", el("dt", "", label), el("dd", "", value));
    }

    verdictTag(verdict) {
      const sign = this.settings.verdicts[verdict];
      const tag = el("span", "qj-verdict");
      tag.style.setProperty("--fill", sign.fill);
      tag.style.setProperty("--ink", sign.ink);
      if (sign.sign) {
        tag.append(svg("svg", { viewBox: "-8 -8 16 16", width: 14, height: 14, "aria-hidden": "true" },
          stroke(sign.ink, sign.sign, 0, 0)));
      }
      tag.append(sign.label);
      return tag;
    }

    finding(f) {
      const rule = this.settings.rules[f.rule];
      const box = el("section", "qj-finding");
      box.style.setProperty("--fill", this.settings.verdicts[f.verdict].fill);
      const heading = [rule.document, rule.clause].filter(Boolean).join(" ");
      box.append(el("h3", "", heading), el("p", "qj-tags", this.verdictTag(f.verdict), el("span", "qj-state", f.state),
        el("span", "qj-rule-id", f.rule)));
      if (f.reason) box.append(el("p", "qj-reason", f.reason));
      box.append(el("dl", "", this.row(this.text.measured, f.measured), this.row(this.text.limit, f.limit),
        this.row(this.text.deadline, f.deadline)));
      if (rule.quote) {
        box.append(el("details", "qj-quote", el("summary", "", this.text.rule_quote), el("blockquote", "", rule.quote)));
      }
      return box;
    }

    facilityFacts(p) {
      const kinds = this.settings.kinds;
      const box = el("article", "qj-facts-body");
      box.append(el("header", "", this.facilitySymbol(p.kind, p.verdict, 36), el("div", "",
        el("h2", "", p.name),
        el("p", "qj-sub", [kinds[p.kind].label, p.code, p.region && `${this.text.region} ${p.region}`]
          .filter(Boolean).join(" · ")))));
      if (p.findings.length) for (const f of p.findings) box.append(this.finding(f));
      else box.append(el("p", "qj-reason", p.verdict === "none" ? this.text.no_finding : this.verdictTag(p.verdict)));
      if (p.distances.length) {
        const body = el("tbody");
        for (const d of p.distances) {
          body.append(el("tr", "", el("th", "", d.water || d.rank, d.water ? el("small", "", d.rank) : null),
            el("td", "", d.distance, d.kind ? el("small", "", d.kind) : null)));
        }
        box.append(el("section", "qj-distances", el("h3", "", this.text.distances), el("table", "", body)));
      }
      return box;
    }

    sectionFacts(p) {
      const box = el("article", "qj-facts-body");
      const target = p.verdict ? this.verdictTag(p.verdict) : null;
      box.append(
        el("header", "", this.pill(p.class, p.label, null, 0), el("div", "", el("h2", "", p.name),
          el("p", "qj-sub", `${this.text.section} · ${p.code}`))),
        target ? el("p", "qj-tags", target) : "",
        el("dl", "", this.row(this.text.river, p.river), this.row(this.text.period, p.period),
          this.row(this.text.water_class, p.label), this.row(this.text.target_class, p.target),
          this.row(this.text.main_pollutants, p.pollutants)));
      return box;
    }

    waterFacts(p) {
      const box = el("article", "qj-facts-body");
      box.append(el("h2", "", p.name), el("p", "qj-sub", [this.settings.ranks[p.rank].label, p.code, p.kind]
        .filter(Boolean).join(" · ")));
      return box;
    }

    bindPopup(layer, content) {
      layer.bindPopup(content, {
        className: "qj-popup", minWidth: 220,
        maxWidth: Math.min(350, this.map.getSize().x - 56), maxHeight: Math.round(this.map.getSize().y * 0.55),
        autoPanPaddingTopLeft: [12, PHONE.matches ? 56 : 12],
        autoPanPaddingBottomRight: [PHONE.matches ? 12 : 292, 28],
      });
    }

    /** Puts the distance line of a facility forward, with its length written beside it. */
    select(id) {
      this.selected.clearLayers();
      const feature = this.lines.get(id);
      if (!feature || !this.layers.distances.visible) return;
      const places = feature.geometry.coordinates.map(([lon, lat]) => [lat, lon]);
      const end = places[places.length - 1];
      const options = { pane: "distances", interactive: false };
      L.polyline(places, { ...options, color: "#fff", weight: 5.5, opacity: 0.9 }).addTo(this.selected);
      L.polyline(places, { ...options, color: "#16202A", weight: 2.4, dashArray: "7 5" }).addTo(this.selected);
      L.circleMarker(end, { ...options, radius: 4.5, color: "#fff", weight: 2, fillColor: "#16202A", fillOpacity: 1 })
        .bindTooltip(el("span", "", feature.properties.label),
          { permanent: true, direction: this.labelSide(places), className: "qj-distance", offset: [0, 0] })
        .addTo(this.selected);
    }

    /** The side of the shoreline point that faces away from the facility. */
    labelSide([start, end]) {
      const north = end[0] - start[0], east = end[1] - start[1];
      if (Math.abs(north) > Math.abs(east)) return north > 0 ? "top" : "bottom";
      return east > 0 ? "right" : "left";
    }

    /* ---- layers ---- */

    /** Registers one entry of the layer list: how it is shown and hidden. */
    register(id, show, hide) {
      this.layers[id] = { visible: true, show, hide };
      show();
    }

    registerOverlay(id, layer) {
      this.register(id, () => layer.addTo(this.map), () => layer.remove());
      return layer;
    }

    registerMarkers(id, group, markers) {
      this.register(id, () => group.addLayers(markers), () => group.removeLayers(markers));
    }

    toggle(id, on) {
      const entry = this.layers[id];
      if (entry.visible === on) return;
      entry.visible = on;
      if (on) entry.show();
      else entry.hide();
      if (id === "distances") this.selected.clearLayers();
      if (on && this.areas) this.areas.bringToFront();
      if (on && id === "distances" && this.focused !== undefined) this.select(this.focused);
    }

    addZones(data) {
      const widths = [...new Set(data.features.map((f) => f.properties.width))];
      const ranks = Object.keys(this.settings.ranks);
      for (const width of widths) {
        const style = this.settings.zones[width];
        for (const rank of ranks) {
          const layer = L.geoJSON(data, {
            pane: "zones", interactive: false,
            filter: (f) => f.properties.width === width && f.properties.rank === rank,
            style: {
              color: style.colour, weight: 1, opacity: 0.75, dashArray: style.dash || null,
              fillColor: style.colour, fillOpacity: style.opacity,
            },
          });
          if (layer.getLayers().length) this.registerOverlay(`zone:${rank}:${width}`, layer);
        }
      }
    }

    addRivers(data) {
      const { colour, width } = this.settings.river;
      this.registerOverlay("rivers", L.geoJSON(data, { interactive: false, style: { color: colour, weight: width } }));
    }

    addShorelines(data) {
      for (const [rank, style] of Object.entries(this.settings.ranks)) {
        const layer = L.geoJSON(data, {
          filter: (f) => f.properties.rank === rank,
          style: (f) => ({
            color: style.colour, weight: style.width, dashArray: f.properties.rough ? "5 4" : null,
            fill: /Polygon/.test(f.geometry.type), fillColor: style.fill, fillOpacity: 0.85,
          }),
          onEachFeature: (f, shape) => this.bindPopup(shape, () => this.waterFacts(f.properties)),
        });
        if (layer.getLayers().length) this.registerOverlay(`shoreline:${rank}`, layer);
      }
    }

    addFacilities(points, areas, lines) {
      for (const feature of lines.features) this.lines.set(feature.properties.id, feature);
      if (lines.features.length) {
        this.registerOverlay("distances", L.geoJSON(lines, {
          pane: "distances", interactive: false, style: { color: "#3A4652", weight: 1.4, opacity: 0.8, dashArray: "4 4" },
        }));
      }
      const group = L.markerClusterGroup({
        maxClusterRadius: (zoom) => (zoom < 9 ? 56 : zoom < 12 ? 42 : 30), showCoverageOnHover: false, animate: !STILL, chunkedLoading: points.features.length > 5000,
        iconCreateFunction: (cluster) => this.facilityCluster(cluster), spiderfyDistanceMultiplier: 1.4,
        spiderLegPolylineOptions: { weight: 1.2, color: "#3A4652", opacity: 0.6, interactive: false },
      }).addTo(this.map);
      const urgency = { violation: 2000, undetermined: 1000, compliant: 500, none: 0 };
      const markers = new Map();
      L.geoJSON(points, {
        pointToLayer: (f, place) => L.marker(place, {
          icon: this.facilityIcon(f.properties, f.properties.id === this.settings.focus),
          zIndexOffset: f.properties.id === this.settings.focus ? 5000 : urgency[f.properties.verdict], riseOnHover: true,
        }),
        onEachFeature: (f, marker) => {
          this.bindPopup(marker, () => this.facilityFacts(f.properties));
          marker.on("popupopen", () => this.select(f.properties.id));
          marker.on("popupclose", () => this.focused === undefined ? this.selected.clearLayers() : this.select(this.focused));
          markers.set(f.properties.id, marker);
        },
      });
      this.areas = L.geoJSON(areas, {
        style: (f) => {
          const colour = this.settings.verdicts[f.properties.verdict].fill;
          return { color: colour, weight: 1.8, fillColor: colour, fillOpacity: 0.22 };
        },
        onEachFeature: (f, shape) => shape.on("click", () => {
          const marker = markers.get(f.properties.id);
          if (this.map.hasLayer(marker)) marker.openPopup();
          else group.zoomToShowLayer(marker, () => marker.openPopup());
        }),
      });
      const shapes = new Map(this.areas.getLayers().map((shape) => [shape.feature.properties.id, shape]));
      this.areas.clearLayers().addTo(this.map);
      this.markers = markers;
      this.facilities = group;
      for (const kind of Object.keys(this.settings.kinds)) {
        const mine = [...markers.values()].filter((m) => m.feature.properties.kind === kind);
        if (!mine.length) continue;
        const focused = mine.filter((m) => m.feature.properties.id === this.settings.focus);
        const rest = mine.filter((m) => !focused.includes(m));
        const outlines = mine.map((m) => shapes.get(m.feature.properties.id)).filter(Boolean);
        this.register(`facility:${kind}`, () => {
          outlines.forEach((shape) => this.areas.addLayer(shape));
          group.addLayers(rest);
          focused.forEach((m) => m.addTo(this.map));
        }, () => {
          outlines.forEach((shape) => this.areas.removeLayer(shape));
          group.removeLayers(rest);
          focused.forEach((m) => m.remove());
        });
      }
    }

    addSections(data) {
      const group = L.markerClusterGroup({
        maxClusterRadius: (zoom) => (zoom < 8 ? 44 : 26), showCoverageOnHover: false, animate: !STILL, chunkedLoading: data.features.length > 5000,
        iconCreateFunction: (cluster) => this.sectionCluster(cluster),
        spiderLegPolylineOptions: { weight: 1.2, color: "#3A4652", opacity: 0.6, interactive: false },
      }).addTo(this.map);
      const layer = L.geoJSON(data, {
        pointToLayer: (f, place) => L.marker(place, { icon: this.sectionIcon(f.properties), riseOnHover: true }),
        onEachFeature: (f, marker) => this.bindPopup(marker, () => this.sectionFacts(f.properties)),
      });
      this.sections = group;
      this.registerMarkers("sections", group, layer.getLayers());
    }

    /** Fine lines of longitude and latitude, for orientation where there is no base map. */
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
          L.polyline(ends, { pane: "graticule", interactive: false, color: "#C9D3DA", weight: 1 }).addTo(lines);
          L.marker(at, {
            pane: "graticule", interactive: false, keyboard: false,
            icon: L.divIcon({ className, html: el("span", "", text), iconSize: [0, 0] }),
          }).addTo(lines);
        };
        const [west, east, south, north] = [box.getWest(), box.getEast(), box.getSouth(), box.getNorth()];
        for (let n = Math.ceil(west / step); n * step <= east; n += 1) {
          const lon = n * step;
          line([[south, lon], [north, lon]], [north, lon], `${lon.toFixed(digits)}°E`, "qj-meridian");
        }
        for (let n = Math.ceil(south / step); n * step <= north; n += 1) {
          const lat = n * step;
          line([[lat, west], [lat, east]], [lat, west], `${lat.toFixed(digits)}°N`, "qj-parallel");
        }
      };
      this.map.on("moveend resize", redraw);
      redraw();
    }

    /* ---- page ---- */

    addControls() {
      L.control.scale({ imperial: false, maxWidth: PHONE.matches ? 90 : 140 }).addTo(this.map);
      L.control.zoom({ position: "bottomleft", zoomInTitle: this.text.zoom_in, zoomOutTitle: this.text.zoom_out })
        .addTo(this.map);
      this.map.attributionControl.setPrefix("Leaflet");
      if (this.settings.attribution) {
        this.map.attributionControl.addAttribution(el("span", "", this.settings.attribution).innerHTML);
      }
      const container = this.map.getContainer();
      container.setAttribute("role", "application");
      container.setAttribute("aria-label", this.text.map_label);
      if (PHONE.matches) for (const card of document.querySelectorAll("details.qj-card")) card.open = false;
      for (const box of document.querySelectorAll("input[data-layer]")) {
        box.checked = true;
        box.addEventListener("change", () => this.toggle(box.dataset.layer, box.checked));
      }
      container.addEventListener("keydown", (event) => {
        if (event.key === "Escape") this.map.closePopup();
      });
      this.map.on("popupopen", (event) => {
        const popup = event.popup.getElement();
        const close = popup.querySelector(".leaflet-popup-close-button");
        if (close) close.setAttribute("aria-label", this.text.close);
        const opener = document.activeElement;
        if (!opener || !opener.classList.contains("leaflet-marker-icon")) return;
        const content = popup.querySelector(".leaflet-popup-content");
        content.tabIndex = -1;
        content.focus({ preventScroll: true });
        event.popup.once("remove", () => {
          if (opener.isConnected) opener.focus({ preventScroll: true });
        });
      });
    }

    showFocus() {
      if (this.settings.focus === null) return;
      this.focused = this.settings.focus;
      const panel = document.querySelector(".qj-facts");
      const marker = this.markers.get(this.focused);
      const close = el("button", "qj-close", "×");
      close.type = "button";
      close.setAttribute("aria-label", this.text.close);
      close.addEventListener("click", () => {
        panel.hidden = true;
        document.body.classList.remove("qj-has-facts");
        this.map.getContainer().focus({ preventScroll: true });
      });
      marker.unbindPopup();
      marker.on("click", () => {
        panel.hidden = false;
        document.body.classList.add("qj-has-facts");
        this.select(this.focused);
      });
      panel.append(close, this.facilityFacts(marker.feature.properties));
      panel.hidden = false;
      document.body.classList.add("qj-has-facts");
      this.select(this.focused);
    }

    fit() {
      const size = this.map.getSize();
      const focused = this.settings.focus !== null;
      const left = PHONE.matches ? 36 : focused ? 380 : 56;
      const right = PHONE.matches ? 36 : 320;
      const low = focused && PHONE.matches ? Math.round(size.y * 0.5) : 48;
      this.map.fitBounds(this.settings.bounds, {
        paddingTopLeft: [left, PHONE.matches ? 60 : 44], paddingBottomRight: [right, low],
        maxZoom: focused ? 15 : 13, animate: false,
      });
    }

    draw() {
      this.fit();
      if (this.settings.graticule) this.addGraticule();
      const facilities = read("facilities");
      const sections = read("sections"), zones = read("zones"), rivers = read("rivers");
      const shorelines = read("shorelines");
      if (zones) this.addZones(zones);
      if (rivers) this.addRivers(rivers);
      if (shorelines) this.addShorelines(shorelines);
      if (facilities) this.addFacilities(facilities, read("areas"), read("distances"));
      if (sections) this.addSections(sections);
      this.addControls();
      this.showFocus();
      document.documentElement.dataset.ready = "true";
    }
  }

  window.qingjiang = {
    /** Draws the page's layers on a Leaflet map; the page object stays reachable as `qingjiang.page`. */
    start(map) {
      const page = new Page(map);
      window.qingjiang.page = page;
      page.draw();
      return page;
    },
  };
})();
