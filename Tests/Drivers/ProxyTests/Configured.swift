import Configured
import JSON
import JWT
import Settings
import TLS
import Testing
import Upstreams

@testable import Identity
@testable import Proxy

extension Generation {
    /// A generation that serves by this text.
    ///
    /// - Parameter others: files that it names.
    static func reading(
        _ text: String, number: UInt64 = 1, others: [String: [UInt8]] = [:]
    ) throws -> Generation {
        try Generation(
            Settings.reading(text, others: others), number: number, registry: UpstreamRegistry(),
            tickets: TicketKeys(),
            readFile: { others[$0] })
    }
}

extension VerifiedIdentity {
    /// Who a token with these claims let in at the block `rule`.
    static func of(_ claims: String, rule: String = "app") throws -> VerifiedIdentity {
        let object = try #require(JSONValue.decode(claims.utf8.span).object)
        return VerifiedIdentity(
            user: object["sub"]?.comparableText,
            roles: object["role"].map { [$0.comparableText ?? ""] }
                ?? [], claims: object, encodedClaims: "", expires: nil, algorithm: .hs256,
            rule: rule, forwardsToken: false,
            fieldNames: .init(user: "X-Auth-User", role: "X-Auth-Role", claims: "X-Auth-Claims"))
    }
}
