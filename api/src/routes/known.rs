//! What a request that met no route, or the wrong method, can be told.
//!
//! The table names every route once more, for hints. Its test compares it with the router.

/// A path, and the methods that it takes.
pub(super) const ROUTES: [(&str, &[&str]); 9] = [
    ("/livez", &["GET"]),
    ("/readyz", &["GET"]),
    ("/metrics", &["GET"]),
    ("/v1/indexes", &["GET"]),
    ("/v1/indexes/{index}/search", &["GET", "POST"]),
    ("/v1/indexes/{index}/search/batch", &["POST"]),
    ("/v1/encode", &["POST"]),
    ("/embed_sparse", &["POST"]),
    ("/info", &["GET"]),
];

/// Words of other servers' paths, and our route for each.
const MEANT: [(&[&str], &str); 5] = [
    (&["health", "healthz", "ping", "status", "_cluster", "_health"], "GET /readyz"),
    (&["live", "alive", "liveness"], "GET /livez"),
    (&["search", "_search", "query", "points"], "GET or POST /v1/indexes/{index}/search"),
    (&["embed", "encode", "_encode", "embeddings"], "POST /v1/encode"),
    (&["index", "indexes", "indices", "collections", "_cat", "v1"], "GET /v1/indexes"),
];

/// What to call in place of a path that no route has.
pub(super) fn instead_of(path: &str) -> String {
    let words: Vec<String> = path.split('/').map(str::to_lowercase).collect();
    let is_said = |word: &&str| words.iter().any(|said| said == word);
    let meant = MEANT.iter().find(|(others, _)| others.iter().any(is_said));
    match meant {
        Some((_, route)) => format!("for that, call {route}"),
        None => {
            let paths: Vec<&str> = ROUTES.iter().map(|(path, _)| *path).collect();
            format!("the routes are {}", paths.join(", "))
        }
    }
}

/// The methods of a path, such as `GET, POST`.
pub(super) fn methods_of(path: &str) -> Option<String> {
    let found = ROUTES.iter().find(|(pattern, _)| is_of(pattern, path));
    found.map(|(_, methods)| methods.join(", "))
}

/// Whether a path is one of a pattern's.
fn is_of(pattern: &str, path: &str) -> bool {
    let (mut wanted, mut found) = (pattern.split('/'), path.split('/'));
    loop {
        match (wanted.next(), found.next()) {
            (None, None) => return true,
            (Some(wanted), Some(found)) if wanted == found || wanted.starts_with('{') => {}
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_without_a_route_is_told_where_to_go() {
        for (path, says) in [
            ("/", "the routes are /livez"),
            ("/healthz", "GET /readyz"),
            ("/v1/index/a/search", "GET or POST /v1/indexes/{index}/search"),
            ("/v1/index/a", "GET /v1/indexes"),
            ("/collections/a/points/query", "GET or POST /v1/indexes/{index}/search"),
            ("/a/_search", "GET or POST /v1/indexes/{index}/search"),
            ("/embeddings", "POST /v1/encode"),
        ] {
            assert!(instead_of(path).contains(says), "{path}: {}", instead_of(path));
        }
    }

    #[test]
    fn a_path_belongs_to_its_own_pattern_alone() {
        assert_eq!(methods_of("/v1/indexes/a/search").as_deref(), Some("GET, POST"));
        assert_eq!(methods_of("/v1/indexes/a/search/batch").as_deref(), Some("POST"));
        assert_eq!(methods_of("/v1/indexes").as_deref(), Some("GET"));
        assert_eq!(methods_of("/v1/indexes/a"), None);
    }
}
