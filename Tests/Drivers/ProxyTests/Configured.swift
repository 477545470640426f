import JSON
import JWT
import Settings
import TLS
import Testing
import Upstreams

@testable import Identity
@testable import Proxy

/// One file, `gateway.conf`, one secret, and others.
private struct OneFile: ConfigurationFiles {
    var text: String
    var others: [String: [UInt8]] = [:]

    func read(_ path: String, limit: Int) throws(ConfigurationFileError) -> [UInt8] {
        guard path == "gateway.conf" else { throw .notFound }
        return Array(text.utf8)
    }

    func expand(glob: String, relativeTo directory: String) -> [String] { [] }

    func environment(_ name: String) -> String? {
        name == "SECRET" ? String(repeating: "staple-", count: 10) : nil
    }

    func exists(_ path: String) -> Bool { others[path] != nil }
}

extension Generation {
    /// A generation that serves by this text.
    ///
    /// - Parameter others: files that it names.
    static func reading(
        _ text: String, number: UInt64 = 1, others: [String: [UInt8]] = [:]
    ) throws -> Generation {
        let files = OneFile(text: text, others: others)
        let result = SettingsReader(files: files).read("gateway.conf")
        let settings = try #require(result.settings, "\(result.diagnostics)")
        return try Generation(
            settings, number: number, registry: UpstreamRegistry(), tickets: TicketKeys(),
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
