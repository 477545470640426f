/// What is done for clients that have left, on routes with `finish_without_client`: counted, so
/// that it takes the place of a connection among `limits { connections }`.
package final class UnattendedCount {
    private var count = 0

    package init() {}

    package var value: Int { count }

    fileprivate func add(_ change: Int) { count += change }
}

/// One request whose client has left, until it is over.
package final class UnattendedLease {
    private let count: UnattendedCount

    package init(_ count: UnattendedCount) {
        self.count = count
        count.add(1)
    }

    deinit { count.add(-1) }
}
