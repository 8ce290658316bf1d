#!/usr/bin/perl
# Lists the leaves of a mail as MIME-tools reads them: type, file name, file with the decoded content.
use strict;
use warnings;
use MIME::Parser;
use MIME::WordDecoder;

my ($mail, $folder) = @ARGV;
binmode STDOUT, ':utf8';
my $parser = MIME::Parser->new;
$parser->output_under($folder);
$parser->decode_headers(0);
$parser->ignore_errors(0);
my $entity = $parser->parse_open($mail);
my $number = 0;

sub walk {
	my ($part) = @_;
	if ($part->parts) {
		walk($_) for $part->parts;
		return;
	}
	my $file = "$folder/part" . $number++;
	open my $out, '>:raw', $file or die "$file: $!";
	$part->bodyhandle->print($out) if $part->bodyhandle;
	close $out;
	my $name = $part->head->mime_attr('content-disposition.filename') // '';
	utf8::decode($name);
	print join("\t", $part->effective_type, $name, $file), "\n";
}
walk($entity);
