package import Settings

/// One `rate` of one route, made ready: whose bucket a request draws from.
package struct RateRule: Sendable {
    package let limit: RateLimit
    package let rate: TokenRate
    /// Stands for the route and the limit: equal in every generation that says the same, so that a
    /// reload fills no bucket.
    private let name: RateKey

    /// - Parameters:
    ///   - route: as the configuration writes it.
    ///   - methods: of the route, none for all: what tells it from others of the same path.
    package init(_ limit: RateLimit, route: String, methods: [String] = []) {
        self.limit = limit
        rate = TokenRate(limit)
        name = RateKey { hasher in
            hasher.combine(route)
            hasher.combine(methods)
            hasher.combine(limit)
        }
    }

    /// - Parameter addressKey: `ClientAddress.key` of the client.
    package func draw(addressKey: UInt64) -> RateDraw { draw { $0.combine(addressKey) } }

    /// Two issuers may both have a user 7: those are two.
    /// - Parameter rule: the `jwt` block whose user it is.
    package func draw(user: String, of rule: String) -> RateDraw {
        draw {
            $0.combine(Array(rule.utf8))
            $0.combine(Array(user.utf8))
        }
    }

    /// Texts are told apart by their octets: names that only look alike are two.
    /// - Parameter value: what the request has under the limit's source.
    package func draw(value: String) -> RateDraw { draw { $0.combine(Array(value.utf8)) } }

    private func draw(_ subject: (inout Hasher) -> Void) -> RateDraw {
        let key = RateKey { hasher in
            hasher.combine(name)
            subject(&hasher)
        }
        return RateDraw(key: key, rate: rate)
    }
}

/// One token from one bucket.
package struct RateDraw: Sendable, Hashable {
    let key: RateKey
    let rate: TokenRate
}

/// What a bucket is found by: 128 bits that depend on the seed of the process, so that nobody can
/// bring two to meet, and neither users nor claims are kept.
struct RateKey: Sendable, Hashable {
    private let high: UInt
    let low: UInt

    init(_ combine: (inout Hasher) -> Void) {
        func half(_ number: UInt8) -> UInt {
            var hasher = Hasher()
            hasher.combine(number)
            combine(&hasher)
            return UInt(bitPattern: hasher.finalize())
        }
        high = half(0)
        low = half(1)
    }
}
