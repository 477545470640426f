internal import Forwarding
internal import JWT

/// The whole language: every word, where it may stand, what it takes. What is not in these tables
/// does not exist; suggestions, error messages and the check of the reference come from them.
package enum Grammar {
    static let top = Vocabulary<Document>(
        .top,
        [
            .init("workers", "auto|N", .integer(1...1024, or: "auto"), \.settings.workers),
            .init("log", "", .none, readLog).withBlock,
            .init("trust", "CIDR…", .atLeastOne, readTrust).repeatable,
            .init("trust_fields", "any|x_forwarded|forwarded", .one, readTrustedFields),
            .init("limits", "", .none, readLimits).withBlock,
            .init("resolver", "[ADDRESS…]", .any, readResolver).withOptionalBlock,
            .init("console", "ADDRESS", .one, readConsole).withBlock,
            .init("state", "PATH", .one, readState).withOptionalBlock,
            .init("listen", "ADDRESS", .one, readListener).withOptionalBlock.repeatable,
            .init("jwt", "NAME", .one, readTokens).withBlock.repeatable,
            .init("backend", "NAME", .one, readBackend).withBlock.repeatable,
            .init("sessions", "NAME", .one, readSessions).withBlock.repeatable,
            .init("rewrite", rewriteSynopsis, .from(3, to: 5), readRewrite).withOptionalBlock
                .repeatable,
            .init("defaults", "", .none, readDefaults).withBlock,
            .init("route", "[HOST]PATH", .one, readRoute).withBlock.repeatable,
        ])

    static let log = Vocabulary<LogSettings>(
        .log,
        [
            .init("access", "off | json stdout|stderr|PATH", .from(1, to: 2), readAccessLog),
            .init("level", "debug|info|warning|error", .choice, \.level),
        ])

    static let limits = Vocabulary<LimitSettings>(
        .limits,
        [
            .init("tls_handshake", "DURATION", .timeout, \.tlsHandshakeTimeout),
            .init("request_head", "DURATION", .timeout, \.requestHeadTimeout),
            .init("first_message", "DURATION", .timeout, \.firstMessageTimeout),
            .init("head_size", "SIZE", .size(kibi...mebi), \.requestHeadSize),
            .init("head_fields", "N", .integer(1...10_000), \.requestFieldCount),
            .init("target_size", "SIZE", .size(256...mebi), \.targetSize),
            .init("keep_alive", "DURATION", .timeout, \.keepAliveTimeout),
            .init("drain", "DURATION", .duration(.zero ... .days(1)), \.drain.time),
            .init("drain_delay", "DURATION", .duration(.zero ... .hours(1)), \.drain.delay),
            .init(
                "reload_ends", "DURATION|off", .duration(.zero ... .days(1), or: "off"),
                \.reloadEnds),
            .init("connections", "N", .integer(1...10_000_000), \.connections),
            .init(
                "connections_per_address", "N|off", .integer(1...10_000_000, or: "off"),
                \.connectionsPerAddress),
            .init(
                "compress_cache", "SIZE|off", .size((4 * kibi)...gibi, orNone: "off"),
                \.compressCacheSize),
            .init("attempts", "N [burst N] | off", .from(1, to: 3), readAttempts),
            .init("body_rate", "SIZE [over DURATION] | off", .from(1, to: 3), readBodyRate),
            .init("response_rate", "SIZE [over DURATION] | off", .from(1, to: 3), readResponseRate),
            .init(
                "lingering_time", "DURATION|off", ValueKind<Duration>.timeout.optional("off"),
                \.lingering.time),
            .init("lingering_timeout", "DURATION", .timeout, \.lingering.timeout),
            .init(
                "lingering_rate", "SIZE", .size((16 * kibi)...gibi),
                \.lingering.octetsPerSecond),
            .init("memory", "SIZE|off", .size((1 * mebi)...(1024 * gibi), or: "off"), \.memory),
        ])

    static let resolver = Vocabulary<ResolverSettings>(
        .resolver,
        [
            .init("timeout", "DURATION", .duration(.milliseconds(10) ... .minutes(1)), \.timeout),
            .init("retries", "N", .integer(0...10), \.retries),
            .init("min_ttl", "DURATION", .duration(.milliseconds(100) ... .days(1)), \.leastTTL),
            .init("max_ttl", "DURATION", .duration(.milliseconds(100) ... .days(7)), \.mostTTL),
            .init("hold", "DURATION", .duration(.zero ... .days(7)), \.hold),
        ])

    static let console = Vocabulary<ConsoleDraft>(
        .console,
        [
            .init("token", "env:NAME|file:PATH", .one, readConsoleToken).required,
            .init("allow_remote", "on|off", .onOff, \.allowsRemote),
        ])

    static let state = Vocabulary<StateSettings>(
        .state,
        [.init("history", "DURATION [N] | off", .from(1, to: 2), readHistory)])

    static let listen = Vocabulary<ListenerDraft>(
        .listen,
        [
            .init("tls", "", .none, readTLS).withBlock,
            .init("host", "NAME", .one, readHost).withBlock.repeatable,
            .init("redirect", "https [PORT]", .from(1, to: 2), readRedirectToHTTPS),
            .init("allow", addressSynopsis, .atLeastOne, readListenerAddresses).repeatable,
            .init("deny", addressSynopsis, .atLeastOne, readListenerAddresses).repeatable,
            .init("hsts", transportSynopsis, .from(1, to: 3), readListenerTransport),
            .init("proxy_protocol", "[on|off]", .from(0, to: 1), readProxyProtocol),
        ])

    static let tls = Vocabulary<CertificateDraft>(
        .tls,
        host.rules + [.init("versions", "1.2|1.3…", .atLeastOne, readVersions)])

    static let host = Vocabulary<CertificateDraft>(
        .host,
        [
            .init("certificate", "PATH|self_signed", .one, readCertificate).required,
            .init("key", "PATH", .one, readKey),
        ])

    static let jwt = Vocabulary<TokenDraft>(
        .jwt,
        [
            .init("algorithms", "ALGORITHM…", .atLeastOne, readAlgorithms).required,
            .init("secret", "env:NAME|file:PATH", .one, readSecret).repeatable,
            .init("public_key", "file:PATH [kid NAME]", .from(1, to: 3), readPublicKey).repeatable,
            .init("jwk", "file:PATH", .one, readKeyFile).repeatable,
            .init("jwks", "file:PATH|URL", .one, readKeySet).withOptionalBlock.repeatable,
            .init("from", tokenPlaceSynopsis, .atLeastOne, readTokenPlaces),
            .init("tickets", "on [bind address] | off", .from(1, to: 3), readTickets),
            .init("user", "CLAIM", .claimPath, \.settings.userClaim),
            .init("role", "CLAIM", .claimPath, \.settings.roleClaim),
            .init("issuer", "TEXT", .text, \.settings.issuer),
            .init("audience", "TEXT…", .atLeastOne, readAudiences),
            .init("required", "CLAIM…", .atLeastOne, readRequiredClaims),
            .init("leeway", "DURATION", .duration(.zero ... .hours(1)), \.settings.leeway),
            .init(
                "max_age", "DURATION", ValueKind.duration(.seconds(1) ... .days(3650)).optional(),
                \.settings.maxAge),
            .init("on_expiry", "close | grace DURATION | ignore", .from(1, to: 2), readOnExpiry),
            .init("expiring", "DURATION|off", .one, readExpiring),
            .init(
                "revoked", "file:PATH", ValueKind.fileReference.optional(),
                \.settings.revocationFile),
            .init("forward_token", "on|off", .onOff, \.settings.forwardsToken),
            .init("user_header", "NAME", .ownFieldName, \.settings.userHeader),
            .init("role_header", "NAME", .ownFieldName, \.settings.roleHeader),
            .init("claims_header", "NAME", .ownFieldName, \.settings.claimsHeader),
            .init("auth_headers", "utf8|rfc8187|base64", .choice, \.settings.fieldEncoding),
            .init("allow_weak_keys", "on|off", .onOff, \.settings.allowsWeakKeys),
        ])

    static let jwks = Vocabulary<RemoteKeySet>(
        .jwks,
        [
            .init("ca", "PATH", ValueKind.existingFile.optional(), \.authorityPath),
            .init("timeout", "DURATION", .duration(.milliseconds(100) ... .minutes(1)), \.timeout),
            .init("size", "SIZE", .size(kibi...JSONWebKeySet.octetLimit), \.size),
            .init("refresh", "DURATION", .duration(RemoteKeySet.lifetimes), \.refresh),
        ])

    static let backend = Vocabulary<BackendSettings>(
        .backend,
        [
            .init("server", ServerWords.synopsis, .from(1, to: 12), ServerWords.read)
                .required.repeatable,
            .init("balance", BackendWords.balance, .from(1, to: 2), BackendWords.readBalance),
            .init("sticky", BackendWords.sticky, .from(1, to: 4), BackendWords.readSticky),
            .init(
                "slow_start", "DURATION|off",
                .duration(.seconds(1) ... .hours(1), or: "off"), \.choice.slowStart),
            .init("queue", BackendWords.queue, .from(1, to: 2), BackendWords.readQueue),
            .init("max_pending", "N|off", .integer(1...1_000_000, or: "off"), \.bounds.maxPending),
            .init("connect_timeout", "DURATION", .timeout, \.connectTimeout),
            .init("response_timeout", "DURATION", .timeout, \.responseTimeout),
            .init(
                "response_pause", "DURATION|off", ValueKind<Duration>.timeout.optional("off"),
                \.responsePause),
            .init("handshake_timeout", "DURATION", .timeout, \.webSocketHandshakeTimeout),
            .init("fail_timeout", "DURATION", .duration(.zero ... .days(1)), \.failTimeout),
            .init("keep_alive", "N", .integer(0...10_000), \.keepAlive.count),
            .init("keep_alive_timeout", "DURATION", .timeout, \.keepAlive.timeout),
            .init(
                "keep_alive_age", "DURATION|off",
                .duration(.seconds(1) ... .days(1), or: "off"), \.keepAlive.age),
            .init(
                "send_proxy", "v1|v2|off",
                ValueKind<ProxyHeader.Version>.choice(or: "off"), \.proxyHeader),
            .init("tls", "", .none, readServerTLS).withOptionalBlock,
        ] + BackendWords.retries + HealthWords.rules)

    static let serverTLS = Vocabulary<ServerTLSDraft>(
        .serverTLS,
        [
            .init("ca", "PATH", .one, readAuthority),
            .init("verify", "on|off", .one, readVerification),
            .init("server_name", "NAME", .one, readExpectedName),
            .init("certificate", "PATH", .one) { draft, directive, _ in
                draft.certificate = directive.arguments[0]
            },
            .init("key", "PATH", .one) { draft, directive, _ in draft.key = directive.arguments[0]
            },
        ])

    static let sessions = Vocabulary<SessionDraft>(
        .sessions,
        [
            .init("store", "SOURCE", .one, readStore).required,
            .init("device", deviceSynopsis, .atLeastOne, readDevice).repeatable,
            .init("same_device", "replace|share", .choice, \.settings.sameDevice),
            .init("device_owner", "user|store", .choice, \.settings.deviceOwnership),
            .init("role", "SOURCE", .one, readSessionRole),
            .init("limited", "ROLE…", .atLeastOne, readLimited),
            .init("limit", limitSynopsis, .atLeast(2), readSessionLimit).required.repeatable,
            .init("store", "VALUE", .one, readStoreOverride).withBlock.repeatable,
            .init("grace", "DURATION|off", graces, \.settings.grace),
            .init("probe", "DURATION|off", probes, \.settings.probe),
            .init(
                "message", "block_new|eject_old|replaced|kicked LANGUAGE TEXT", .three, readMessage
            )
            .repeatable,
        ])

    static let store = Vocabulary<StoreDraft>(
        .store,
        [
            .init("limit", storeLimitSynopsis, .atLeast(2), readStoreLimit).required.repeatable
        ])

    static let rewrite = Vocabulary<RewriteDraft>(
        .rewrite,
        [
            .init("require", requireSynopsis, .atLeast(3), readRewriteRequirement).repeatable,
            .init("header", headerSynopsis, .from(2, to: 4), readRewriteHeader).repeatable,
            .init("response_header", responseHeaderSynopsis, .two, readRewriteResponseHeader)
                .repeatable,
            .init("redirect", "", .none) { draft, _, _ in draft.settings.redirects = true },
        ])

    /// What a route and `defaults` may both say.
    private static let shared: [Rule<RouteDraft>] = [
        .init("methods", "METHOD…", .atLeastOne, readMethods),
        .init("path", "normal|keep", .one, readPathSpelling),
        .init("encoded_slashes", "refuse|keep", .one, readEncodedSlashes),
        .init("ignore_case", "on|off", .one, readIgnoreCase),
        .init("parameters", "keep|ignore|refuse", .one, readParameters),
        .init("allow", addressSynopsis, .atLeastOne, readRouteAddresses).repeatable,
        .init("deny", addressSynopsis, .atLeastOne, readRouteAddresses).repeatable,
        .init("rate", rateSynopsis, .atLeastOne, readRate).repeatable,
        .init("auth", "NAME [or NAME]… [optional] | off", .atLeastOne, readAuth),
        .init("login", "TEXT|off", .one, readLogin),
        .init("roles", "ROLE…", .atLeastOne, readRoles),
        .init("require", requireSynopsis, .atLeast(3), readRequirement).repeatable,
        .init("report_only", reportOnlySynopsis, .atLeastOne, readReportOnly),
        .init("subprotocols", "NAME…", .atLeastOne, readSubprotocols),
        .init("origins", "any | same|ORIGIN…", .atLeastOne, readOrigins),
        .init("cors", corsSynopsis, .atLeastOne, readCORS).withOptionalBlock,
        .init("compress", compressionSynopsis, .any, readCompression),
        .init("sessions", "NAME|off", .one, readRouteSessions),
        .init("backend", "NAME", .one, readRouteBackend),
        .init("header", headerSynopsis, .from(2, to: 4), readHeader).repeatable,
        .init("response_header", responseHeaderSynopsis, .two, readResponseHeader).repeatable,
        .init("hsts", transportSynopsis, .from(1, to: 3), readTransport),
        .init("forwarded", "on|off", .onOff, \.settings.sendsForwarded),
        .init("forward_token", "on|off", .onOff, \.settings.forwardsTokens),
        .init("refuse", "http|socket", .one, readRefusal),
        .init("explain", "[all|rules|off]", .from(0, to: 1), readExplanation),
        .init("while_away", "hold [DURATION] | retry | error", .from(1, to: 2), readWhileAway),
        .init("body_size", "SIZE|off", .size(0...tebi, or: "off"), \.settings.bodySize),
        .init("buffer_body", "SIZE|off", .one, readBodyBuffer),
        .init("finish_without_client", "[on|off]", .from(0, to: 1), readFinishing),
        .init("message_size", "SIZE", .size(1...gibi), \.settings.messageSize),
        .init("inflated_size", "SIZE", .size(1...gibi), \.settings.inflatedSize),
        .init("frame_size", "SIZE|off", .one, readFrameSize),
        .init("fragments", "N", .integer(1...1_000_000), \.settings.fragmentCount),
        .init("control_rate", "N", .integer(1...100_000), \.settings.controlRate),
        .init("send_queue", "SIZE", .size((4 * kibi)...gibi), \.settings.sendQueueSize),
        .init("slow", slowSynopsis, .from(1, to: 4), readSlowClient),
        .init("ping", "[DURATION] [relay|answer]", .from(1, to: 2), readPings),
        .init("silence", "DURATION", .one, readSilence),
        .init("comment", "DURATION", .interval, \.settings.lasting.commentInterval),
        .init("max_age", MaxAgeWords.synopsis, .from(1, to: 3), MaxAgeWords.read),
    ]

    static let route = Vocabulary<RouteDraft>(
        .route,
        [
            .init("websocket", "", .none, readKind).repeatable,
            .init("events", "", .none, readKind).repeatable,
            .init("stream", "", .none, readKind).repeatable,
            .init("socketio", "", .none, readSocketIO).withOptionalBlock,
        ] + shared + [
            .init("respond", "STATUS [TEXT] | ready", .from(1, to: 2), ResponseWords.read),
            .init("redirect", "STATUS TEXT", .two, readRouteRedirect),
            .init("ticket", "", .none, readTicket),
            .init("strip", "PREFIX", .one, readStrip),
        ])

    static let defaults = Vocabulary<RouteDraft>(.defaults, shared)

    static let kibi = 1024
    static let mebi = 1024 * 1024
    static let gibi = 1024 * 1024 * 1024
    static let tebi = 1024 * 1024 * 1024 * 1024
}

extension ValueKind where Value == Duration {
    /// How long to wait for someone else.
    static let timeout = duration(.milliseconds(1) ... .days(1))
    /// How often to do something on an idle connection.
    static let interval = duration(.seconds(1) ... .days(1))
}
