// Turns benchmarks into the pages docs/figures.md and docs/growth.md.
module spredning/figures

go 1.26
