package import Clock
import Synchronization

/// A WebSocket or an event stream that a token let in.
package struct LiveConnection: Sendable, Hashable {
    /// What is known of the token it lives on.
    package struct Token: Sendable, Hashable {
        /// The `jwt` block that verified it.
        package var rule: String
        package var user: String?
        /// Its claims `jti` and `iat`.
        package var id: String?
        package var issued: WallTime?

        package init(rule: String, user: String?, id: String?, issued: WallTime?) {
            self.rule = rule
            self.user = user
            self.id = id
            self.issued = issued
        }
    }

    /// Nobody can guess it; whoever knows it may send a new token for the connection, of the same
    /// user.
    package let id: SessionID
    package let address: ConnectionAddress
    /// The one of the last refresh.
    package internal(set) var token: Token

    package init(id: SessionID, address: ConnectionAddress, token: Token) {
        self.id = id
        self.address = address
        self.token = token
    }
}

/// A connection's place in the table of live ones. It is given back by `end()`, or with the last
/// reference.
package final class LiveLease: Sendable {
    package let id: SessionID
    private let table: LiveTable
    private let hasEnded = Atomic(false)

    init(of id: SessionID, in table: LiveTable) {
        self.id = id
        self.table = table
    }

    /// The connection lives on another token from now on.
    package func renew(_ token: LiveConnection.Token) { table.renew(id, token) }

    /// Gives the place back now; a second call does nothing.
    package func end() {
        if hasEnded.exchange(true, ordering: .relaxed) { return }
        table.end(id)
    }

    deinit { end() }
}

extension SessionID {
    /// The id that `description` writes: 32 hexadecimal digits in lower case. Nil for all else.
    package init?(_ text: String) {
        let digits = Array(text.utf8)
        guard digits.count == 32 else { return nil }
        var halves: [UInt64] = [0, 0]
        for (index, digit) in digits.enumerated() {
            let value: UInt8
            switch digit {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): value = digit - UInt8(ascii: "0")
            case UInt8(ascii: "a")...UInt8(ascii: "f"): value = digit - UInt8(ascii: "a") + 10
            default: return nil
            }
            halves[index / 16] = halves[index / 16] << 4 | UInt64(value)
        }
        self.init(high: halves[0], low: halves[1])
    }
}
