import Bytes

/// Writes metrics in the text format of Prometheus, version 0.0.4.
enum MetricExposition {
    static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    static func encode(_ families: [MetricFamily]) -> [UInt8] {
        var output: [UInt8] = []
        for family in families { append(family, to: &output) }
        return output
    }

    private static func append(_ family: MetricFamily, to output: inout [UInt8]) {
        output.append("# HELP \(family.name) ")
        appendEscaped(family.help, quotes: false, to: &output)
        output.append("\n# TYPE \(family.name) \(family.kind.rawValue)\n")
        for sample in family.samples {
            switch sample.value {
            case .whole(let count):
                append(family.name, sample.labels, String(count), to: &output)
            case .real(let value):
                append(family.name, sample.labels, text(of: value), to: &output)
            }
        }
    }

    private static func append(
        _ name: String, _ labels: [MetricFamily.Label], _ value: String,
        to output: inout [UInt8]
    ) {
        output.append(name)
        for (index, label) in labels.enumerated() {
            output.append(index == 0 ? "{" : ",")
            output.append("\(label.name)=\"")
            appendEscaped(label.value, quotes: true, to: &output)
            output.append("\"")
        }
        if !labels.isEmpty { output.append("}") }
        output.append(" \(value)\n")
    }

    /// Backslashes and line feeds, and between quotes those as well.
    private static func appendEscaped(_ text: String, quotes: Bool, to output: inout [UInt8]) {
        for octet in text.utf8 {
            switch octet {
            case UInt8(ascii: "\\"): output.append("\\\\")
            case ASCII.lineFeed: output.append("\\n")
            case UInt8(ascii: "\"") where quotes: output.append("\\\"")
            case _: output.append(octet)
            }
        }
    }

    /// As Go reads it.
    private static func text(of value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
        return value.description
    }
}
