import Bytes
import HTTP
package import Settings

/// The names of the fields by which upstreams are told the user of a request, of all `jwt` blocks
/// together and of sessions: such a field from a client is a forgery and always deleted.
package struct IdentityFieldNames: Sendable {
    /// Folded, without duplicates.
    private let names: [[UInt8]]
    /// Bit n is set when a name has n octets; names of 63 and more share the last.
    private let lengths: UInt64

    package init(_ rules: [TokenSettings]) {
        let all = rules.flatMap { [$0.userHeader, $0.roleHeader, $0.claimsHeader] }
        names = Set((all + ["X-Session-Id"]).map { $0.utf8.map(FieldName.folded) }).sorted {
            $0.lexicographicallyPrecedes($1)
        }
        lengths = names.reduce(0) { $0 | Self.bit($1.count) }
    }

    /// True for a name that upstreams may read as one of these.
    package func contains(_ name: Span<UInt8>) -> Bool {
        guard lengths & Self.bit(name.count) != 0 else { return false }
        return names.contains { name.readsAs($0.span) }
    }

    private static func bit(_ length: Int) -> UInt64 { 1 << UInt64(min(length, 63)) }
}
