//! Requests to the REST port, and identities files.

use crate::files::Seeds;

const BASE: &str = "/kvs/v1-0-0/";

/// A request with a body, on a connection that goes on.
fn request(method: &str, path: &str, headers: &str, body: &str) -> String {
    let length = if body.is_empty() { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
    format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\n{headers}{length}\r\n{body}")
}

pub(crate) fn requests() -> Seeds {
    let v1 = |method: &str, path: &str, body: &str| request(method, &format!("{BASE}{path}"), "", body);
    let v2 =
        |method: &str, path: &str, headers: &str, body: &str| request(method, &format!("/v2/{path}"), headers, body);
    let with = |headers: &str| request("GET", &format!("{BASE}int-get/user_1"), headers, "");
    let seeds = [
        ("int", [v1("PUT", "int-put/a", "-41"), v1("PUT", "int-incr/a", ""), v1("GET", "int-get/a", "")].concat()),
        ("int-incrby", v1("PUT", "int-incrby/a", "+7") + &v1("DELETE", "int-del/a", "")),
        (
            "uint",
            [v1("PUT", "uint-put/a", "4294967295"), v1("PUT", "uint/incr/a", ""), v1("GET", "uint/get/a", "")].concat(),
        ),
        ("float", v1("PUT", "float-put/a", "-1.5e-7") + &v1("GET", "float-get/a", "")),
        ("str", v1("PUT", "str-put/a%2Fb%20%C3%A9", "text\u{e9}") + &v1("GET", "str-get/a%2Fb%20%C3%A9", "")),
        ("map", v1("PUT", "map-put/m", "{\"a\":\"1\",\"\\u00e9\":\"\\n\"}") + &v1("GET", "map-get/m", "")),
        (
            "field",
            [v1("PUT", "map-set/m/f", "v"), v1("GET", "map-get/m/f", ""), v1("DELETE", "map-del/m/f", "")].concat(),
        ),
        ("set", v1("PUT", "set-put/s", "[\"a\",\"b\"]") + &v1("GET", "set-get/s", "")),
        (
            "member",
            [v1("PUT", "set-add/s", "[\"c\"]"), v1("PUT", "set-rem/s", "[\"a\"]"), v1("GET", "set-has/s/a", "")]
                .concat(),
        ),
        ("del", v1("DELETE", "del/a", "") + &v1("HEAD", "int-get/a", "")),
        ("demo", [v1("POST", "echo", "aB"), v1("POST", "hello", ""), v1("POST", "fibo?n=9", "")].concat()),
        (
            "v2-entry",
            [
                v2("PUT", "int/a", "If-None-Match: *\r\n", "4.0e1"),
                v2("PATCH", "int/a", "If-Match: *\r\n", "{\"incr\":2,\"min\":-1,\"max\":50}"),
                v2("GET", "int/a?entry", "Accept: application/json\r\nIf-None-Match: \"x\", W/\"y\"\r\n", ""),
                v2("DELETE", "int/a", "Kvs-Durability: sync\r\n", ""),
            ]
            .concat(),
        ),
        (
            "v2-elements",
            [
                v2("PATCH", "map/m", "", "{\"a\":\"1\",\"b\":null}"),
                v2("GET", "map/m/a", "", ""),
                v2("PATCH", "set/s", "", "{\"add\":[\"x\"],\"remove\":[\"y\"]}"),
                v2("PUT", "set/s/x", "", ""),
            ]
            .concat(),
        ),
        (
            "v2-batch",
            v2(
                "POST",
                "batch",
                "",
                "{\"atomic\":true,\"if\":[{\"type\":\"int\",\"key\":\"a\",\"absent\":true}],\"ops\":[{\"op\":\"put\",\"type\":\"str\",\"key\":\"k\",\"value\":\"v\"},{\"op\":\"incr\",\"type\":\"int\",\"key\":\"a\",\"max\":9}]}",
            ),
        ),
        (
            "v2-listing",
            v2("GET", "keys?prefix=%61&limit=2&values=true&cursor=E0", "", "") + &v2("GET", "problems/gone", "", ""),
        ),
        ("pages", [request("GET", "/", "", ""), request("GET", "/status.json", "", "")].concat()),
        ("description", request("HEAD", "/openapi.json", "", "")),
        ("token", with("Authorization: Bearer secret\r\n") + &with("Authorization: bearer  wrong\r\n")),
        ("origin", with("Origin: https://app.example\r\n")),
        (
            "preflight",
            request(
                "OPTIONS",
                &format!("{BASE}int-put/a"),
                "Origin: https://app.example\r\nAccess-Control-Request-Method: PUT\r\nAccess-Control-Request-Headers: kvs-durability\r\n",
                "",
            ),
        ),
        ("durability", request("PUT", &format!("{BASE}int-put/a"), "Kvs-Durability: sync\r\n", "1")),
        ("expect", request("PUT", &format!("{BASE}str-put/a"), "Expect: 100-continue\r\n", "text")),
        ("close", with("Connection: close\r\n") + &with("")),
        (
            "chunked",
            format!(
                "PUT {BASE}str-put/a HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n0\r\nT: 1\r\n\r\n"
            ),
        ),
        ("version-0", format!("GET {BASE}int-get/a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")),
        ("absolute", request("GET", &format!("http://localhost{BASE}int-get/a"), "", "")),
        ("foreign-host", "GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n".into()),
        ("fragment", v1("GET", "int-get/a#b", "")),
        (
            "two-lengths",
            format!(
                "PUT {BASE}str-put/a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"
            ),
        ),
        (
            "smuggled",
            format!(
                "PUT {BASE}str-put/a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
            ),
        ),
        ("cut-head", "GET / HTTP/1.1\r\nHost: loc".into()),
        ("cut-body", format!("PUT {BASE}str-put/a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nab")),
        ("http-2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".into()),
        ("tls", "\u{16}\u{3}\u{1}".into()),
    ];
    seeds.into_iter().map(|(name, text)| (name.into(), text.into_bytes())).collect()
}

pub(crate) fn identities() -> Seeds {
    let whole = include_str!("identities.toml");
    let (key, hash) = ("key = \"".to_string() + &"0".repeat(64) + "\"\n", "f".repeat(64));
    let inline = |entries: &str| format!("{key}identity = [{entries}]\n");
    let one = format!("{{ name = \"a\", token = \"{hash}\", scopes = [] }}");
    let seeds = [
        ("whole", whole.to_string()),
        ("key", key.clone()),
        ("inline", inline(&one)),
        ("inline-empty", inline("")),
        ("dotted", format!("{key}[[identity]]\nname = \"fuzz\"\ncertificate = \"a\"\nscopes = ['admin'] # x\n")),
        (
            "literal",
            format!(
                "{key}[[identity]]\nname = '''a'''\ntoken = \"{hash}\"\nscopes = [\"write\",]\nprefix = \"\\u00e9\"\n"
            ),
        ),
        (
            "end",
            format!(
                "{key}[[identity]]\nname = \"a\"\ncertificate = \"a\"\nscopes = []\nexpires = \"2027-01-15 08:00:00\"\n"
            ),
        ),
        ("unfinished", format!("{key}[[identity]\n")),
        ("windows", whole.replace('\n', "\r\n")),
        ("scopes", "read,write,admin".into()),
        ("old-type", format!("{key}[[identity]]\nname = \"a\"\ntoken = \"{hash}\"\nscopes = []\ntypes = [\"bool\"]\n")),
    ];
    seeds.into_iter().map(|(name, text)| (name.into(), text.into_bytes())).collect()
}
