internal import Bytes

extension ValueKind where Value == String {
    /// The name of a field that the configuration may have written, in any spelling that apps take
    /// for the same name (`String.foldedFieldName`): what frames and routes a message is the
    /// gateway's.
    static let ownFieldName = ValueKind { word, reading in
        guard let name = fieldName.read(word, &reading) else { return nil }
        let folded = name.foldedFieldName
        if HeaderNames.framing.contains(folded) || folded.hasPrefix("sec-websocket-") {
            reading.error("\(word.shown) is set by the gateway itself", at: word)
        }
        return name
    }

    /// The name of a field of an answer that the configuration may have written: no field that
    /// frames a message, and none that only the author of the body can know.
    static let answerFieldName = ValueKind { word, reading in
        guard let name = fieldName.read(word, &reading) else { return nil }
        if let problem = HeaderNames.problem(ofAnswer: name.foldedFieldName) {
            reading.error("\(word.shown) \(problem)", at: word)
        }
        return name
    }
}

/// Names of fields by what they are for, folded (`String.foldedFieldName`).
enum HeaderNames {
    /// Hop-by-hop and framing fields (RFC 9110 §7.6.1, RFC 9112 §6).
    static let framing: Set<String> = [
        "connection", "content-length", "host", "keep-alive", "proxy-connection", "te", "trailer",
        "transfer-encoding", "upgrade",
    ]

    /// What must not be written or taken away in an answer, as the end of a sentence; nil for all
    /// others.
    static func problem(ofAnswer name: String) -> String? {
        if framing.contains(name) || name.hasPrefix("sec-websocket-") || name == "x-session-id" {
            return "is set by the gateway itself"
        }
        switch name {
        case "date": return "says when an answer was made, which only who makes it knows"
        case "content-encoding": return "says how a body is encoded, which no header changes"
        default: return nil
        }
    }

    /// True for fields that hold credentials, which must not be shown.
    static func holdsCredentials(_ name: String) -> Bool {
        credentials.contains(name.foldedFieldName)
    }

    private static let credentials: Set<String> = [
        "api-key", "apikey", "authorization", "proxy-authorization", "x-access-token", "x-api-key",
        "x-apikey", "x-auth-token",
    ]

    /// Names that mean something in answers only.
    static func isOfAnswers(_ name: String) -> Bool {
        let name = name.foldedFieldName
        return answers.contains(name) || name.hasPrefix("access-control-allow-")
    }

    private static let answers: Set<String> = [
        "accept-ranges", "access-control-expose-headers", "access-control-max-age", "age",
        "alt-svc", "clear-site-data", "content-security-policy",
        "content-security-policy-report-only", "cross-origin-embedder-policy",
        "cross-origin-opener-policy", "cross-origin-resource-policy", "etag", "expires",
        "last-modified", "location", "nel", "permissions-policy", "proxy-authenticate",
        "referrer-policy", "refresh", "report-to", "reporting-endpoints", "retry-after", "server",
        "server-timing", "set-cookie", "sourcemap", "strict-transport-security",
        "timing-allow-origin", "vary", "www-authenticate", "x-accel-buffering",
        "x-content-type-options", "x-frame-options", "x-permitted-cross-domain-policies",
        "x-powered-by", "x-robots-tag", "x-xss-protection",
    ]

    /// Names that mean something in requests only.
    static func isOfRequests(_ name: String) -> Bool {
        let name = name.foldedFieldName
        return requests.contains(name) || name.hasPrefix("x-forwarded-")
            || name.hasPrefix("access-control-request-")
    }

    private static let requests: Set<String> = [
        "accept", "accept-charset", "accept-encoding", "accept-language", "authorization",
        "cookie", "expect", "forwarded", "if-match", "if-modified-since", "if-none-match",
        "if-range", "if-unmodified-since", "max-forwards", "origin", "proxy-authorization",
        "range", "referer", "user-agent", "x-api-key", "x-real-ip",
    ]
}
