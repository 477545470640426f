import HTTP
import Testing

@Suite struct SecureLocationTests {
    private let base = SecureLocation(host: "a.test", port: 8443, target: "/x/keys?v=1")

    @Test(
        arguments: [
            ("https://b.test/keys", "b.test", 443, "/keys"),
            ("HTTPS://B.Test:444/keys?q#part", "b.test", 444, "/keys?q"),
            ("https://b.test", "b.test", 443, "/"), ("https://b.test?q", "b.test", 443, "/?q"),
            ("https://b.test:", "b.test", 443, "/"),
            ("https://[2001:db8::1]:444/", "2001:db8::1", 444, "/"),
            ("https://[2001:db8::1]/", "2001:db8::1", 443, "/"),
            ("//b.test/k", "b.test", 443, "/k"), ("/keys", "a.test", 8443, "/keys"),
            ("other", "a.test", 8443, "/x/other"), ("?v=2", "a.test", 8443, "/x/keys?v=2"),
            ("#part", "a.test", 8443, "/x/keys?v=1"),
            ("a/b:c", "a.test", 8443, "/x/a/b:c"),
        ])
    func `a redirect leads somewhere`(
        reference: String, host: String, port: UInt16, target: String
    ) {
        #expect(
            base.following(reference)
                == SecureLocation(host: host, port: port, target: target))
    }

    @Test(arguments: [
        "http://b.test/", "ftp://b.test/", "https:/b.test", "https:b.test", "https://",
        "https:///keys", "https://user@b.test/", "https://b.test:0/", "https://b.test:65536/",
        "https://b.test:x/", "//", "javascript:alert(1)", "https://b.test/\u{e9}", "/a b",
        "https://[::1/", "/a\r\nHost: x",
    ])
    func `or nowhere`(reference: String) {
        #expect(base.following(reference) == nil)
    }

    @Test(arguments: [
        (SecureLocation(host: "a.test"), "a.test"),
        (SecureLocation(host: "a.test", port: 8443), "a.test:8443"),
        (SecureLocation(host: "::1"), "[::1]"),
        (SecureLocation(host: "::1", port: 8443), "[::1]:8443"),
    ])
    func `an authority names a port that is not the usual one`(
        location: SecureLocation, authority: String
    ) {
        #expect(location.authority == authority)
    }
}
