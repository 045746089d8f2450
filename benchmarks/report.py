#!/usr/bin/env python3
# SPDX-FileCopyrightText: the flipt-cpp authors
# SPDX-License-Identifier: MIT
"""Makes results.md and the charts of what `benchmarks/run` measured."""
import argparse
import json
import pathlib

import harness

ours, others, floor = "#d9480f", "#8a94a0", "#495057"


def new_figure(width, height):
    import matplotlib
    matplotlib.use("svg")
    # Text stays text, and the same figures make the same file.
    matplotlib.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "flipt-cpp", "font.family": "sans-serif",
                                "font.size": 9, "axes.spines.top": False, "axes.spines.right": False})
    from matplotlib import pyplot
    return pyplot.subplots(figsize=(width, height))


def save(figure, path):
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None}, transparent=False, facecolor="white")
    print(f"wrote {path}")


def bars(path, title, unit, values, places):
    """Horizontal bars, one a peer, the value at its end."""
    figure, axes = new_figure(7, 0.5 + 0.32 * len(values))
    names = list(values)[::-1]
    colours = [ours if n.startswith("flipt") else floor if n.startswith("raw") else others for n in names]
    drawn = axes.barh(names, [values[n] for n in names], color=colours, height=0.7)
    axes.bar_label(drawn, labels=[f"{values[n]:,.{places}f}" for n in names], padding=3)
    axes.set_xlim(0, max(values.values()) * 1.13)
    axes.set_xticks([])
    axes.spines["bottom"].set_visible(False)
    axes.set_title(f"{title} ({unit})", loc="left", fontsize=10)
    save(figure, path)


def curve(path, scale):
    figure, axes = new_figure(7, 2.8)
    for line, points in scale["lines"].items():
        x = [int(p) for p in points]
        style = {"color": ours if line.startswith("flipt") else floor,
                 "linestyle": "--" if "64" in line else "-", "marker": "o", "markersize": 3}
        axes.plot(x, [points[p]["cpu_us"] for p in points], label=line, **style)
    axes.set_xscale("log", base=2)
    axes.set_xticks(x)
    axes.set_xticklabels([f"{v:,}" for v in x])
    axes.set_ylim(0, 1.6 * max(p["cpu_us"] for points in scale["lines"].values() for p in points.values()))
    axes.set_xlabel(scale["label"])
    axes.set_title("Processor time of a request (µs)", loc="left", fontsize=10)
    axes.legend(frameon=False, fontsize=8, loc="upper left")
    save(figure, path)


def engine_charts(lines, folder):
    at_10000 = {line["series"]: line["value"] for line in lines if line["part"] == "evaluate" and line["x"] == 10000}
    if "official boolean" in at_10000:
        bars(folder / "engine_evaluate.svg", "An evaluation in the process, 10,000 flags", "ns", {
            "flipt-cpp, boolean": at_10000["boolean"], "flipt-cpp, variant": at_10000["variant"],
            "official engine, boolean": at_10000["official boolean"],
            "official engine, variant": at_10000["official variant"]}, 0)
    for part, label in (("scale_flags", "flags"), ("scale_context", "keys of the context")):
        figure, axes = new_figure(7, 2.8)
        for name, style in (("boolean", "-"), ("variant", "--")):
            points = [(line["x"], line["value"]) for line in lines if line["part"] == part and line["series"] == name]
            axes.plot(*zip(*points), label=name, color=ours, linestyle=style, marker="o", markersize=3)
        axes.set_xscale("log")
        axes.set_xticks([x for x, _ in points])
        axes.set_xticklabels([f"{int(x):,}" for x, _ in points])
        axes.minorticks_off()
        axes.set_ylim(0)
        axes.set_xlabel(label)
        axes.set_title("An evaluation in the process (ns)", loc="left", fontsize=10)
        axes.legend(frameon=False, fontsize=8, loc="upper left")
        save(figure, folder / f"engine_{part}.svg")


def charts(results, folder):
    import bench
    folder.mkdir(parents=True, exist_ok=True)
    if results.get("engine", {}).get("lines"):
        engine_charts(results["engine"]["lines"], folder)
    for key, suite in results.get("suites", {}).items():
        names = bench.grpc_names if key.startswith("grpc") else bench.http_names
        kept = {p: r for p, r in suite["rows"].items() if not p.endswith("+")}
        if key in ("plain_1", "tls_1"):
            bars(folder / f"{key}_p50.svg", f"{suite['title'].split(',')[0]}: median latency, one core", "µs",
                 {names[p]: r["p50_us"] for p, r in kept.items()}, 1)
        if key in ("plain_32", "tls_32", "grpc_32"):
            bars(folder / f"{key}_cpu.svg", f"{suite['title'].split(',')[0]}: processor time of a request, 32 in flight",
                 "µs", {names[p]: r["cpu_us"] for p, r in kept.items()}, 1)
        if key == "plain_1" and suite["instructions"]:
            bars(folder / "instructions.svg", "User-space instructions of a request", "callgrind",
                 {names[p]: n for p, n in suite["instructions"].items()}, 0)
    for key, scale in results.get("scales", {}).items():
        curve(folder / f"scale_{key}.svg", scale)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", type=pathlib.Path, required=True)
    parser.add_argument("--into", type=pathlib.Path, required=True)
    parser.add_argument("--command", default="benchmarks/run")
    arguments = parser.parse_args()
    results = json.loads(arguments.results.read_text())
    text = ["# Results", "", f"Made by `{arguments.command.strip()}`. [How it is measured and what not to trust](README.md).",
            ""]
    text += [f"- {line}" for line in results.get("versions", [harness.machine()])] + [""]
    drawn = []
    try:
        charts(results, arguments.into / "charts")
        drawn = sorted((arguments.into / "charts").glob("*.svg"))
    except ImportError:
        harness.say("no charts: python3-matplotlib is missing")
    for part in ("count", "engine", "compile"):
        if part in results:
            text += [results[part]["text"], ""]
        if part == "engine" and part in results:
            text += [f"![Evaluation in the process](charts/{p.name})" for p in drawn if p.stem.startswith("engine_")] + [""]
    for part in ("suites", "scales"):
        for key, value in results.get(part, {}).items():
            text += [value["text"], ""]
            text += [f"![{value['title']}](charts/{p.name})" for p in drawn
                     if p.stem in (f"{key}_p50", f"{key}_cpu", f"scale_{key}") or
                     (key == "plain_1" and p.stem == "instructions")] + [""]
    while text[-1] == "":
        text.pop()
    (arguments.into / "results.md").write_text("\n".join(text).replace("\n\n\n", "\n\n") + "\n")


main()
