import JSON
import JWT
import Settings
import TLS
import Testing
import Upstreams

@testable import Identity
@testable import Proxy

/// One file, `gateway.conf`, and one secret.
private struct OneFile: ConfigurationFiles {
    var text: String

    func read(_ path: String, limit: Int) throws(ConfigurationFileError) -> [UInt8] {
        guard path == "gateway.conf" else { throw .notFound }
        return Array(text.utf8)
    }

    func expand(glob: String, relativeTo directory: String) -> [String] { [] }

    func environment(_ name: String) -> String? {
        name == "SECRET" ? String(repeating: "staple-", count: 10) : nil
    }

    func exists(_ path: String) -> Bool { false }
}

extension Generation {
    /// A generation that serves by this text.
    static func reading(_ text: String, number: UInt64 = 1) throws -> Generation {
        let result = SettingsReader(files: OneFile(text: text)).read("gateway.conf")
        let settings = try #require(result.settings, "\(result.diagnostics)")
        return try Generation(
            settings, number: number, registry: UpstreamRegistry(), tickets: TicketKeys(),
            readFile: { _ in nil })
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
