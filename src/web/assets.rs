//! Style sheet, script and icon: inside the binary, found by their exact names.

use super::error::Problem;
use axum::extract::Path;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

struct Asset {
    name: &'static str,
    kind: &'static str,
    bytes: &'static [u8],
}

const ASSETS: [Asset; 5] = [
    Asset {
        name: "style.css",
        kind: "text/css; charset=utf-8",
        bytes: include_bytes!("../../static/style.css"),
    },
    Asset {
        name: "app.js",
        kind: "text/javascript; charset=utf-8",
        bytes: include_bytes!("../../static/app.js"),
    },
    Asset {
        name: "live.js",
        kind: "text/javascript; charset=utf-8",
        bytes: include_bytes!("../../static/live.js"),
    },
    Asset {
        name: "keys.js",
        kind: "text/javascript; charset=utf-8",
        bytes: include_bytes!("../../static/keys.js"),
    },
    Asset { name: "icon.svg", kind: "image/svg+xml", bytes: include_bytes!("../../static/icon.svg") },
];

/// `GET /static/{name}`. A browser asks again each time and is told when nothing changed.
pub async fn get(Path(name): Path<String>, headers: HeaderMap) -> Result<Response, Problem> {
    let asset =
        ASSETS.iter().find(|asset| asset.name == name).ok_or_else(|| Problem::not_found("such file"))?;
    let tag = format!("\"{}-{:x}\"", env!("CARGO_PKG_VERSION"), checksum(asset.bytes));
    let caching = [
        (header::ETAG, HeaderValue::from_str(&tag).map_err(Problem::internal)?),
        (header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=0, must-revalidate")),
    ];
    if headers.get(header::IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes()) {
        return Ok((StatusCode::NOT_MODIFIED, caching).into_response());
    }
    let kind = [(header::CONTENT_TYPE, HeaderValue::from_static(asset.kind))];
    Ok((caching, kind, asset.bytes).into_response())
}

/// FNV-1a, 64 bits: tells one version of a file from the next.
fn checksum(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |sum, byte| (sum ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3))
}
