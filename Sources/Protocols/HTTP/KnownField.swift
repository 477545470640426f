import Bytes

/// The fields a proxy acts upon; everything else is `other` and travels on untouched.
package enum KnownField: UInt8, Sendable, CaseIterable {
    case other
    case accept, acceptLanguage, authorization, connection, contentEncoding, contentLength
    case contentType, cookie, date, expect, forwarded, host, keepAlive, location, maxForwards
    case origin, proxyAuthenticate, proxyAuthorization, proxyConnection, retryAfter
    case secWebSocketAccept, secWebSocketExtensions, secWebSocketKey, secWebSocketProtocol
    case secWebSocketVersion, server, te, traceparent, trailer, transferEncoding, upgrade
    case userAgent, wwwAuthenticate, xForwardedFor, xForwardedHost, xForwardedProto, xRequestID

    /// The name in lower case; empty for `other`.
    package var name: String {
        switch self {
        case .other: ""
        case .accept: "accept"
        case .acceptLanguage: "accept-language"
        case .authorization: "authorization"
        case .connection: "connection"
        case .contentEncoding: "content-encoding"
        case .contentLength: "content-length"
        case .contentType: "content-type"
        case .cookie: "cookie"
        case .date: "date"
        case .expect: "expect"
        case .forwarded: "forwarded"
        case .host: "host"
        case .keepAlive: "keep-alive"
        case .location: "location"
        case .maxForwards: "max-forwards"
        case .origin: "origin"
        case .proxyAuthenticate: "proxy-authenticate"
        case .proxyAuthorization: "proxy-authorization"
        case .proxyConnection: "proxy-connection"
        case .retryAfter: "retry-after"
        case .secWebSocketAccept: "sec-websocket-accept"
        case .secWebSocketExtensions: "sec-websocket-extensions"
        case .secWebSocketKey: "sec-websocket-key"
        case .secWebSocketProtocol: "sec-websocket-protocol"
        case .secWebSocketVersion: "sec-websocket-version"
        case .server: "server"
        case .te: "te"
        case .traceparent: "traceparent"
        case .trailer: "trailer"
        case .transferEncoding: "transfer-encoding"
        case .upgrade: "upgrade"
        case .userAgent: "user-agent"
        case .wwwAuthenticate: "www-authenticate"
        case .xForwardedFor: "x-forwarded-for"
        case .xForwardedHost: "x-forwarded-host"
        case .xForwardedProto: "x-forwarded-proto"
        case .xRequestID: "x-request-id"
        }
    }
}

extension KnownField {
    /// The field with this name, compared without case; `other` when it is none of ours.
    package init(name: Span<UInt8>) {
        let candidate = Self.candidate(for: name)
        let isSame = name.matchesIgnoringCase(lowercase: candidate.name.utf8.span)
        self = isSame ? candidate : .other
    }

    /// The field that apps may take `name` for although it is another one (`Content_Length`), to
    /// be asked of a name that is `other`; `other` when there is none.
    package init(mistaking name: Span<UInt8>) {
        let candidate = Self.candidate(for: name)
        self = name.readsAs(candidate.name) ? candidate : .other
    }

    /// The only field that `name` can be: length and first letter tell all of them apart.
    private static func candidate(for name: Span<UInt8>) -> KnownField {
        guard !name.isEmpty else { return .other }
        let first = ASCII.lowercased(name[0])
        switch name.count {
        case 2: return .te
        case 4: return first == UInt8(ascii: "h") ? .host : .date
        case 6: return sixLetters(first)
        case 7: return first == UInt8(ascii: "u") ? .upgrade : .trailer
        case 8: return .location
        case 9: return .forwarded
        case 10:
            if first == UInt8(ascii: "u") { return .userAgent }
            return first == UInt8(ascii: "c") ? .connection : .keepAlive
        case 11: return first == UInt8(ascii: "r") ? .retryAfter : .traceparent
        case 12:
            if first == UInt8(ascii: "m") { return .maxForwards }
            return first == UInt8(ascii: "c") ? .contentType : .xRequestID
        case 13: return .authorization
        case 14: return .contentLength
        case 15: return first == UInt8(ascii: "a") ? .acceptLanguage : .xForwardedFor
        case 16:
            if first == UInt8(ascii: "x") { return .xForwardedHost }
            if first == UInt8(ascii: "w") { return .wwwAuthenticate }
            return first == UInt8(ascii: "c") ? .contentEncoding : .proxyConnection
        case 17:
            if first == UInt8(ascii: "x") { return .xForwardedProto }
            return first == UInt8(ascii: "s") ? .secWebSocketKey : .transferEncoding
        case 18: return .proxyAuthenticate
        case 19: return .proxyAuthorization
        case 20: return .secWebSocketAccept
        case 21: return .secWebSocketVersion
        case 22: return .secWebSocketProtocol
        case 24: return .secWebSocketExtensions
        default: return .other
        }
    }

    private static func sixLetters(_ first: UInt8) -> KnownField {
        switch first {
        case UInt8(ascii: "a"): .accept
        case UInt8(ascii: "c"): .cookie
        case UInt8(ascii: "e"): .expect
        case UInt8(ascii: "o"): .origin
        default: .server
        }
    }
}
