import Testing

@testable import Console

@Suite struct MetricExpositionTests {
    private func text(_ families: [MetricFamily]) -> String {
        String(decoding: MetricExposition.encode(families), as: UTF8.self)
    }

    @Test func `nothing is nothing`() { #expect(text([]) == "") }

    @Test func `a family has its help, its type and its samples`() {
        let families = [
            MetricFamily(
                "gateway_connections", .gauge, help: "Open connections.",
                [
                    .init(.whole(3), labels: [.init("worker", "0")]),
                    .init(.real(0.5), labels: [.init("worker", "1"), .init("tls", "yes")]),
                ]),
            MetricFamily("gateway_none_total", .counter, help: "Nothing yet."),
            MetricFamily(
                "gateway_requests_total", .counter, help: "All of them.", [.init(.whole(.max))]),
        ]
        let expected = """
            # HELP gateway_connections Open connections.
            # TYPE gateway_connections gauge
            gateway_connections{worker="0"} 3
            gateway_connections{worker="1",tls="yes"} 0.5
            # HELP gateway_none_total Nothing yet.
            # TYPE gateway_none_total counter
            # HELP gateway_requests_total All of them.
            # TYPE gateway_requests_total counter
            gateway_requests_total 18446744073709551615

            """
        #expect(text(families) == expected)
    }

    @Test(
        arguments: [
            (0.0, "0.0"), (-1.25, "-1.25"), (1e300, "1e+300"), (1e-7, "1e-07"), (.infinity, "+Inf"),
            (-.infinity, "-Inf"), (.nan, "NaN"),
        ])
    func `a number is written as Go reads it`(value: Double, written: String) {
        let family = MetricFamily("gateway_x", .gauge, help: "", [.init(.real(value))])
        #expect(text([family]).hasSuffix("\ngateway_x \(written)\n"))
    }

    @Test(
        arguments: [
            ("a", "a"), ("\"a\"", #"\"a\""#), ("a\\b", #"a\\b"#), ("a\nb", #"a\nb"#),
            ("\\n", #"\\n"#), ("접속 {}", "접속 {}"), ("", ""),
        ])
    func `labels are escaped`(value: String, written: String) {
        let family = MetricFamily(
            "gateway_x", .gauge, help: "", [.init(.whole(1), labels: [.init("l", value)])])
        #expect(text([family]).hasSuffix("\ngateway_x{l=\"\(written)\"} 1\n"))
    }

    @Test func `quotes stay as they are in a help, line feeds and backslashes do not`() {
        let family = MetricFamily("gateway_x", .gauge, help: "a \"b\"\nc\\d")
        #expect(text([family]) == "# HELP gateway_x a \"b\"\\nc\\\\d\n# TYPE gateway_x gauge\n")
    }
}
