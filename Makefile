# The commands of README.md. `make demo` and `make test` need Rust, Python 3 with pip, nothing else.

# One profile for everything that is run, one for everything that is tested; both share the build
# of all dependencies (see Cargo.toml).
CARGO_TEST = cargo test --profile bench --workspace

.PHONY: setup build demo test check bench bench-peers bench-vectors audit

# The pinned ONNX Runtime in the user's cache; silent when it is there.
setup:
	@scripts/fetch-onnxruntime.sh >/dev/null

build: setup
	cargo build --release --workspace

demo: setup
	@cargo build --release --package gleaner-cli
	@cargo run --release --quiet --package gleaner-cli -- demo

test: setup
	$(CARGO_TEST)

check:
	cargo fmt --all --check
	cargo clippy --release --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --release --workspace --no-deps
	@if command -v cargo-deny >/dev/null; then cargo deny check; else echo "cargo-deny is not installed: deny.toml not checked"; fi

bench: build
	scripts/bench.sh

# Gleaner beside its peers; SETS, K, QUERIES, ENGINES, WORK and more: see the script.
export SETS K QUERIES PASSES ENGINES ONLY WORK CONFIGS PEERS ANSERINI_JAR TIMEOUT

bench-peers: build
	scripts/bench-peers.sh

# The same over vectors of your own: make bench-vectors VECTORS=DIR
bench-vectors: build
	@test -n "$(VECTORS)" || { echo "make bench-vectors VECTORS=DIR, a folder with docs.bin and queries.bin"; exit 2; }
	SETS="$(VECTORS)" scripts/bench-peers.sh

# Adversarial sets against exhaustive scoring; docs/audit.md.
audit: build
	"$${CARGO_TARGET_DIR:-target}/release/gleaner-audit" run
