# The commands of README.md. `make demo` and `make test` need Rust, Python 3 with pip, nothing else.

# One profile for everything that is run, one for everything that is tested; both share the build
# of all dependencies (see Cargo.toml).
CARGO_TEST = cargo test --profile bench --workspace

.PHONY: setup build demo test check bench

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
