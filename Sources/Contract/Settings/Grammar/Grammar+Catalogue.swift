extension Grammar {
    /// Every word of the language by where it may stand, in the order of the reference.
    package static let catalogue: [(place: Place, entries: [Entry])] = [
        (.top, top.entries + [include]), (.log, log.entries), (.limits, limits.entries),
        (.resolver, resolver.entries), (.listen, listen.entries), (.tls, tls.entries),
        (.host, host.entries),
        (.console, console.entries), (.state, state.entries), (.jwt, jwt.entries),
        (.jwks, jwks.entries), (.backend, backend.entries),
        (.serverTLS, serverTLS.entries), (.sessions, sessions.entries),
        (.store, store.entries), (.rewrite, rewrite.entries), (.defaults, defaults.entries),
        (.route, route.entries), (.cors, cors.entries), (.socketio, socketIO.entries),
    ]

    /// Followed before the grammar is asked, and possible everywhere.
    private static let include = Entry(
        name: "include", synopsis: "GLOB", arity: 1...1, isRepeatable: true)

    /// Words whose arguments may hold what nobody may see; they know how to complain about that
    /// without repeating it.
    static let confidential: Set<String> = ["secret", "token", "jwk", "jwks", "header", "sticky"]

    /// What other servers call it.
    static let foreign = [
        "location": "route", "upstream": "backend", "proxy_pass": "backend", "bind": "listen",
        "add_header": "response_header", "proxy_hide_header": "response_header",
        "proxy_set_header": "header", "set_header": "header", "worker_processes": "workers",
        "ssl_certificate": "certificate",
        "ssl_certificate_key": "key", "access_log": "access", "resolvers": "resolver",
        "nameserver": "resolver", "resolver_timeout": "timeout", "valid": "max_ttl",
        "proxy_ssl_trusted_certificate": "ca", "ca_file": "ca", "ca-file": "ca",
        "sni": "server_name",
        "proxy_ssl_name": "server_name", "proxy_ssl_verify": "verify", "ssl": "tls",
    ]

    private static let wordsByPlace: [Place: Set<String>] = catalogue.reduce(into: [:]) {
        $0[$1.place] = Set($1.entries.map(\.name)).union(["include"])
    }

    static let allWords: Set<String> = wordsByPlace.values.reduce(into: []) { $0.formUnion($1) }

    static func words(in place: Place) -> Set<String> { wordsByPlace[place] ?? [] }

    /// Where a word may stand.
    static func homes(of name: String) -> [Place] {
        catalogue.filter { $0.entries.contains { $0.name == name } }.map(\.place)
    }
}

extension Vocabulary {
    var entries: [Entry] { rules.map(\.entry) }
}
