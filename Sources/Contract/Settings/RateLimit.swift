/// `rate N/s|m|h [burst N] by address|user|SOURCE`: how often requests may come, of each address,
/// user or value by itself. A bucket that holds `burst` requests and fills up at a rate.
package struct RateLimit: Sendable, Hashable {
    package enum Period: String, Sendable, CaseIterable {
        case second = "s"
        case minute = "m"
        case hour = "h"

        package var duration: Duration {
            switch self {
            case .second: .seconds(1)
            case .minute: .seconds(60)
            case .hour: .seconds(3600)
            }
        }
    }

    /// Which requests are counted together. A request that has no such value is not counted.
    package enum Subject: Sendable, Hashable {
        /// The client's address, as `trust` lets us believe it; of IPv6 the /64.
        case address
        /// The user of the verified token.
        case user
        case source(ValueSource)
    }

    /// 1 to `mostRequests`, in a period.
    package var count: Int
    package var period: Period
    /// 1 to `mostRequests`.
    package var burst: Int
    package var subject: Subject

    /// The bound keeps every bucket's time to fill up within what a clock can count.
    package static let mostRequests = 1_000_000

    package init(_ count: Int, per period: Period, burst: Int, by subject: Subject) {
        self.count = count
        self.period = period
        self.burst = burst
        self.subject = subject
    }

    /// True when the limit counts by what only a verified token says.
    package var needsIdentity: Bool {
        switch subject {
        case .address: false
        case .user: true
        case .source(.claim): true
        case .source(.query), .source(.header), .source(.cookie), .source(.path): false
        }
    }
}
