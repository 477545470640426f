/// Why a compressed message cannot be read.
package enum InflateError: Error, Sendable, Equatable {
    /// Not deflate, or cut short.
    case corrupt
    /// More comes out than the limit or the ratio allows.
    case tooBig

    /// RFC 6455 §7.4.1: 1007 invalid payload, 1009 too big.
    package var closeCode: UInt16 {
        switch self {
        case .corrupt: 1007
        case .tooBig: 1009
        }
    }
}

extension InflateError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .corrupt: "compressed message is corrupt"
        case .tooBig: "compressed message inflates beyond its limit"
        }
    }
}

/// How much bigger than itself a compressed message may become, against bombs: `ratio` times, but
/// always `allowance` octets.
package struct InflateRatio: Sendable, Equatable {
    package var ratio: Int
    package var allowance: Int

    /// 100:1 above 64 KiB: text reaches 20:1 and deflate itself ends at 1032:1.
    package init(ratio: Int = 100, allowance: Int = 64 * 1024) {
        self.ratio = ratio
        self.allowance = allowance
    }

    /// The most that a message of `count` octets may become.
    func limit(for count: Int) -> Int {
        let (product, overflow) = count.multipliedReportingOverflow(by: ratio)
        return overflow ? .max : max(allowance, product)
    }
}
