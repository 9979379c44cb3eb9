"""The style sheet of reports: one column that reads on a phone, wide tables that scroll alone, plain paper in print."""

CSS = """
:root { color-scheme: light; }
* { box-sizing: border-box; }
body { margin: 0; background: #fff; color: #1a1a1a; font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 60rem; margin: 0 auto; padding: 1rem; }
section + section { border-top: 2px solid #0072b2; margin-top: 3rem; }
h1 { font-size: 1.6rem; overflow-wrap: anywhere; }
h2 { font-size: 1.2rem; margin-top: 2rem; border-bottom: 1px solid #ccc; }
h3 { font-size: 1rem; }
small, figcaption, caption, footer { color: #555; font-size: .85rem; font-weight: normal; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .4rem 1rem; }
dt { font-weight: 600; }
dd { margin: 0; overflow-wrap: anywhere; }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 24rem), 1fr)); gap: 1rem; }
figure { margin: 0; break-inside: avoid; }
figure img { width: 100%; max-width: 34rem; height: auto; }
.wide { overflow-x: auto; margin: 1rem 0; }
table { border-collapse: collapse; font-size: .85rem; }
caption { text-align: left; padding-bottom: .3rem; }
th, td { text-align: left; padding: .2rem .6rem; border-bottom: 1px solid #e2e2e2; vertical-align: top; }
.number { font-variant-numeric: tabular-nums; white-space: nowrap; }
pre { font-size: .8rem; background: #f5f5f5; padding: .6rem; margin: 0; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; }
.wide pre { white-space: pre; overflow-wrap: normal; width: max-content; min-width: 100%; }
.warning { background: #fff3d6; padding: .6rem; }
a { color: #005a8c; }
footer { margin-top: 3rem; }
@media (max-width: 40rem) { dl { grid-template-columns: 1fr; gap: 0; } dd { margin-bottom: .6rem; } }
@media print {
  body { font-size: 10pt; }
  main { max-width: none; padding: 0; }
  a { color: inherit; text-decoration: none; }
  .wide { overflow: visible; }
  pre, .wide pre { white-space: pre-wrap; width: auto; background: none; border: 1px solid #ccc; font-size: 7.5pt; }
  table { font-size: 7pt; }
  td { overflow-wrap: anywhere; }
  tr { break-inside: avoid; }
  h2, h3 { break-after: avoid; }
}
"""
