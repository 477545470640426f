/// Names one session. Made from 128 random bits, so it never repeats and cannot be guessed.
package struct SessionID: Sendable, Hashable, CustomStringConvertible {
    package let high: UInt64
    package let low: UInt64

    package init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// A fresh id; `random` must be fit for secrets.
    package init(using random: inout some RandomNumberGenerator) {
        self.init(high: random.next(), low: random.next())
    }

    /// 32 lower-case hexadecimal digits: the form of `X-Session-Id` and of the console.
    package var description: String { Self.digits(high) + Self.digits(low) }

    private static func digits(_ number: UInt64) -> String {
        let digits = String(number, radix: 16)
        return String(repeating: "0", count: 16 - digits.utf8.count) + digits
    }
}

/// Where the connection of a session lives. Both numbers are the driver's own: it is handed them
/// back in an `Ending`, to find the worker and the connection that has to be closed.
package struct ConnectionAddress: Sendable, Hashable {
    package let worker: UInt64
    package let connection: UInt64

    package init(worker: UInt64, connection: UInt64) {
        self.worker = worker
        self.connection = connection
    }
}

/// One store under one `sessions` block: the unit that limits are counted in.
package struct StoreKey: Sendable, Hashable {
    /// Octets of the name of a store: as many as a policy for it, the history and the pages of the
    /// console have room for.
    package static let longestName = 256

    /// The name of the `sessions` block.
    package let block: String
    /// What the block's `store` source found in the request.
    package let store: String

    package init(block: String, store: String) {
        self.block = block
        self.store = store
    }

    /// Two spellings of what Unicode calls one text are two stores, as they are for applications
    /// and on the disk.
    package static func == (left: StoreKey, right: StoreKey) -> Bool {
        // What is another text is told apart at a glance, octet by octet takes longer.
        left.store == right.store && left.block == right.block
            && left.store.utf8.elementsEqual(right.store.utf8)
    }
}
