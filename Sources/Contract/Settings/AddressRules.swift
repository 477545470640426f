/// `allow …` and `deny …`, in the order they are written: the first that is about an address
/// decides; an address that none is about may pass.
package struct AddressRules: Sendable, Hashable {
    package enum Verdict: String, Sendable {
        case allow, deny
    }

    package enum Pattern: Sendable, Hashable {
        case all
        /// Clients of a Unix domain socket, which have no address.
        case unix
        case range(AddressRange)
    }

    package struct Rule: Sendable, Hashable {
        package var verdict: Verdict
        package var pattern: Pattern

        package init(_ verdict: Verdict, _ pattern: Pattern) {
            self.verdict = verdict
            self.pattern = pattern
        }
    }

    package var rules: [Rule]

    package init(_ rules: [Rule] = []) { self.rules = rules }

    /// - Parameter address: 16 octets, IPv4 mapped; nil for a client that has none.
    package func denies(_ address: [UInt8]?) -> Bool {
        rules.first { $0.pattern.matches(address) }?.verdict == .deny
    }
}

extension AddressRules.Pattern {
    func matches(_ address: [UInt8]?) -> Bool {
        switch self {
        case .all: true
        case .unix: address == nil
        case .range(let range): address.map(range.contains) ?? false
        }
    }
}
