use super::*;

#[test]
fn documents_are_escaped() {
    let element = Element::new("A")
        .attribute("xmlns", "urn:\"x\"")
        .text("B", "<&>")
        .maybe("C", None)
        .maybe("D", Some(""));
    assert_eq!(
        element.document(),
        "<?xml version=\"1.0\"?>\n<A xmlns=\"urn:&quot;x&quot;\"><B>&lt;&amp;&gt;</B><D></D></A>"
    );
}

#[test]
fn error_document() {
    let error = ApiError::new(400, "InvalidChangeBatch", "[x]");
    assert_eq!(
        Element::error_response("urn:n", &error, "id").document(),
        "<?xml version=\"1.0\"?>\n<ErrorResponse xmlns=\"urn:n\"><Error><Type>Sender</Type><Code>InvalidChangeBatch</Code>\
         <Message>[x]</Message></Error><RequestId>id</RequestId></ErrorResponse>"
    );
}
