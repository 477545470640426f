/// What is done for clients that have left, on routes with `finish_without_client`: counted, so
/// that it takes the place of a connection among `limits { connections }`.
final class UnattendedCount {
    private(set) var value = 0

    fileprivate func add(_ change: Int) { value += change }
}

/// One request whose client has left, until it is over.
final class UnattendedLease {
    private let count: UnattendedCount

    init(_ count: UnattendedCount) {
        self.count = count
        count.add(1)
    }

    deinit { count.add(-1) }
}
