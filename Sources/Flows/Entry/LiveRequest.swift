import Bytes
package import HTTP
import HTTP1
package import Identity
package import JSON
package import Routing

/// What a live connection was asked for: its request head, kept as one array of octets, to be read
/// again when the rules have changed. What the rules of then did not ask about, those of now may.
///
/// The tokens are not in it: no `Authorization`, and none of the places where the route of then
/// took tokens from.
package struct LiveRequest: Sendable {
    /// A head that was read again.
    package struct Asked {
        package let head: RequestHead
        package let target: NormalisedTarget

        package var method: Method { head.method }

        package func facts(claims: JSONObject?) -> RequestFacts {
            RequestFacts(
                claims: claims, captures: [:], query: QueryString(target.query ?? ""),
                fields: head.fields)
        }
    }

    package let isWebSocket: Bool
    /// The host that the request was for, a trusted proxy's word counted.
    package let authority: Authority?
    private let octets: [UInt8]

    /// Octets that are kept.
    package var heldCount: Int { octets.count }

    package init(
        _ head: RequestHead, authority: Authority?, isWebSocket: Bool,
        without tokens: TokenStripping
    ) {
        self.isWebSocket = isWebSocket
        self.authority = authority
        var octets: [UInt8] = []
        octets.reserveCapacity(head.fields.bytes.count)
        Self.appendRequestLine(of: head, without: tokens, to: &octets)
        let fields = head.fields
        for line in fields.lines {
            switch line.known {
            case .cookie, .secWebSocketProtocol: continue
            default:
                if tokens.mayHoldToken(line, of: fields) { continue }
                HeadEncoder.appendField(copying: line, of: fields, to: &octets)
            }
        }
        if let left = CookieHeader(fields).removing(tokens.cookieNames) {
            octets.append("Cookie: ")
            octets.append(contentsOf: left)
            HeadEncoder.appendEnd(to: &octets)
        }
        if let offers = SubprotocolOffers(fields).withoutTokens {
            HeadEncoder.appendField(name: "Sec-WebSocket-Protocol", value: offers, to: &octets)
        }
        HeadEncoder.appendEnd(to: &octets)
        self.octets = octets
    }

    private static func appendRequestLine(
        of head: RequestHead, without tokens: TokenStripping, to octets: inout [UInt8]
    ) {
        octets.append(head.method.name)
        octets.append(ASCII.space)
        let target = head.fields.bytes[head.target]
        if let mark = target.firstIndex(of: UInt8(ascii: "?")), !tokens.queryNames.isEmpty {
            octets.append(contentsOf: target[..<mark])
            let query = QueryString(String(decoding: target[(mark + 1)...], as: UTF8.self))
            if let left = query.removing(tokens.queryNames) {
                octets.append(UInt8(ascii: "?"))
                octets.append(left)
            }
        } else {
            octets.append(contentsOf: target)
        }
        octets.append(" HTTP/1.")
        octets.append(decimal: Int(head.minorVersion))
        HeadEncoder.appendEnd(to: &octets)
    }

    /// Nil when what is kept is no request, which no request that was let in is.
    package func asked() -> Asked? {
        // The request was let in within the limits of then.
        let limits = HeadLimits(
            size: octets.count, fieldCount: octets.count, targetSize: octets.count)
        var decoder = RequestHeadDecoder(limits: limits)
        var index = 0
        guard let head = try? decoder.decode(octets.span, at: &index),
            let target = try? Target.normalise(
                head.fields.bytes.span.extracting(head.target), escapedSlashes: .kept)
        else { return nil }
        return Asked(head: head, target: target)
    }
}
