import Bytes

/// One metric with all its samples, as Prometheus knows them.
package struct MetricFamily: Sendable, Hashable {
    package enum Kind: String, Sendable {
        /// Only grows, and begins at 0 with the process; its name ends in `_total`.
        case counter
        case gauge
    }

    package struct Label: Sendable, Hashable {
        package var name: String
        package var value: String

        /// - Parameter name: letters, digits and `_`, no digit first.
        package init(_ name: String, _ value: String) {
            precondition(MetricFamily.isLegal(name), "no label is called \(name)")
            self.name = name
            self.value = value
        }
    }

    /// One value, told from the others of its family by its labels.
    package struct Sample: Sendable, Hashable {
        package var labels: [Label]
        package var value: Value

        package init(_ value: Value, labels: [Label] = []) {
            self.labels = labels
            self.value = value
        }
    }

    package enum Value: Sendable, Hashable {
        case whole(UInt64)
        case real(Double)
    }

    package let name: String
    /// One sentence for people.
    package let help: String
    package let kind: Kind
    package var samples: [Sample]

    /// - Parameter name: letters, digits and `_` behind `gateway_`; units last, in their base form
    ///   (`_seconds`, `_bytes`).
    package init(_ name: String, _ kind: Kind, help: String, _ samples: [Sample] = []) {
        precondition(
            name.hasPrefix("gateway_") && Self.isLegal(name), "no metric is called \(name)")
        self.name = name
        self.kind = kind
        self.help = help
        self.samples = samples
    }

    /// One without labels.
    package init(_ name: String, _ kind: Kind, help: String, _ value: UInt64) {
        self.init(name, kind, help: help, [Sample(.whole(value))])
    }

    fileprivate static func isLegal(_ name: String) -> Bool {
        guard let first = name.utf8.first, !ASCII.isDigit(first) else { return false }
        return name.utf8.allSatisfy {
            ASCII.isAlpha($0) || ASCII.isDigit($0) || $0 == UInt8(ascii: "_")
        }
    }
}
